"""Made-up cell types: two kinds, six families, fifteen types. Source: none, invented."""

OUTLINE = """
cell
  roundish
    dotted: dotted_red, dotted_blue, dotted_green
    ringed: ringed_thin, ringed_thick
    hollow: hollow_small, hollow_large, hollow_double
  spindly
    branched: branched_short, branched_long
    coiled: coiled_left, coiled_right, coiled_tight
    striped: striped_wide, striped_narrow
"""
