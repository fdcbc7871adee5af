"""A shop's history from CSV files: mapping files say which column is what; good rows go on, bad ones are named."""

from gateways.csv_import.mapping import Mapping, load_mapping, shipped_mappings
from gateways.csv_import.reader import Reader
from gateways.csv_import.rejects import RejectsFile
from gateways.csv_import.sources import Source, find_sources

__all__ = ["Mapping", "Reader", "RejectsFile", "Source", "find_sources", "load_mapping", "shipped_mappings"]
