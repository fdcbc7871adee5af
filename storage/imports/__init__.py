"""Records of a file, written in bulk: staged, compared with what is there, and only differences written."""

from storage.imports.shop_row import shop_for
from storage.imports.trail import note_import, refresh_statistics
from storage.imports.writer import ImportRows

__all__ = ["ImportRows", "note_import", "refresh_statistics", "shop_for"]
