"""Reports of experiments from an ExperimentResult: words, tables, plots, and the files made of them."""
