"""What another policy would have got, from logged decisions of one slot each: estimators, intervals, diagnostics, verdict."""
