"""What a table costs in memory, how it can cost less, and a narrower copy in which no value changed."""

from bandi.diet.narrowing import narrow
from bandi.diet.report import ColumnReport, DietReport, Written
from bandi.diet.sources import open_source
from bandi.diet.surveying import survey

__all__ = ["ColumnReport", "DietReport", "Written", "narrow", "open_source", "survey"]
