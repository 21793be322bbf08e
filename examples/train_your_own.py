"""A model of your own, in plain PyTorch Geometric, on the labelled sample that comes with m4graph.

A graph network learns how wrong the fluid simulator is. It sees what a model can see in use: flows
that leave when the fluid simulator says. Printed is the mean error of predicted slowdowns at the
flows' arrivals, in scenarios that were kept apart. Run it from the repository. It takes 15 seconds
of one core, and the first time a minute more, for compiling.

    python examples/train_your_own.py
"""

import torch
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GraphSAGE, to_hetero

from m4graph.datasets import SnapshotDataset

torch.manual_seed(0)
train, val = SnapshotDataset("datasets/sample", departures="fluid").split(val_fraction=0.25)
model = to_hetero(GraphSAGE(-1, 64, num_layers=3, out_channels=1), train[0].metadata())


def log_slowdown(batch):
    return batch["flow"].fluid_y.log() + model(batch.x_dict, batch.edge_index_dict)["flow"][:, 0]


optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
for _epoch in range(3):
    for batch in DataLoader(train, batch_size=64, shuffle=True):
        loss = (log_slowdown(batch) - batch["flow"].y.log()).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
batch = next(iter(DataLoader(val, batch_size=len(val))))
# The first feature of a flow: it is the one that has just arrived.
for name, slowdown in [("fluid", batch["flow"].fluid_y), ("this model", log_slowdown(batch).exp())]:
    error = (slowdown / batch["flow"].y - 1).abs()[batch["flow"].x[:, 0] == 1].mean()
    print(f"{name}: mean error {error:.1%}")
