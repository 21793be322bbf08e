"""The plots of a report: one file for each kind, all in the style of :mod:`.figure`."""
