"""Data of others: runs of ns-3 as data sets of labelled runs, archives of RouteNet as graphs."""
