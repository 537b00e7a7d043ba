"""`keras.export`: compiled programs as StableHLO."""

from treadle.keras_like.saving.export_archive import ExportArchive
from treadle.keras_like.saving.export_loading import Exported, load

__all__ = ["ExportArchive", "Exported", "load"]
