"""One pod of a network by packet, the others as models of what happens between their borders."""
