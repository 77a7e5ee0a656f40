"""Every option of every job, once.

A job's options stand in its own module, those that jobs share in `shared`; `options` is how one is
declared and read.
"""

from archivecolor.settings.archive import (
    CompactSettings,
    ExportSettings,
    GreySettings,
    MergeSettings,
    PruneSettings,
    VerifySettings,
)
from archivecolor.settings.credentials import NewCredentialsSettings
from archivecolor.settings.decisions import (
    CorrectSettings,
    DecisionExportSettings,
    DecisionImportSettings,
    DecisionListSettings,
    DecisionUndoSettings,
)
from archivecolor.settings.evaluation import EvaluateSettings
from archivecolor.settings.film_plan import PlanHead, PlannedShot
from archivecolor.settings.films import ShotOptions, ShotsSettings, VideoSettings
from archivecolor.settings.machine import DoctorSettings, ModelExportSettings, ModelsSettings
from archivecolor.settings.options import (
    MAX_TEXT,
    BucketPath,
    FolderPath,
    Option,
    SettingField,
    Settings,
    ValueType,
    check,
    dataclass_from,
    fields_of,
    group_of,
    nearest,
    option,
    option_of,
    plain,
    required,
    typed_path,
    value_types_of,
)
from archivecolor.settings.photographs import DirSettings, PhotographOptions, PhotoSettings
from archivecolor.settings.recognition import DetectSettings, IdentifySettings
from archivecolor.settings.review import PageOptions, ReportSettings, ReviewSettings, ServeSettings
from archivecolor.settings.shared import (
    ColourOptions,
    EndOptions,
    InferenceOptions,
    NetworkOptions,
    OutputOptions,
    ProvenanceOptions,
    RunOptions,
    SchedulingOptions,
    SelectionOptions,
    ToneOptions,
)
from archivecolor.settings.training import TrainSettings

__all__ = [
    "MAX_TEXT",
    "BucketPath",
    "ColourOptions",
    "CompactSettings",
    "CorrectSettings",
    "DecisionExportSettings",
    "DecisionImportSettings",
    "DecisionListSettings",
    "DecisionUndoSettings",
    "DetectSettings",
    "DirSettings",
    "DoctorSettings",
    "EndOptions",
    "EvaluateSettings",
    "ExportSettings",
    "FolderPath",
    "GreySettings",
    "IdentifySettings",
    "InferenceOptions",
    "MergeSettings",
    "ModelExportSettings",
    "ModelsSettings",
    "NetworkOptions",
    "NewCredentialsSettings",
    "Option",
    "OutputOptions",
    "PageOptions",
    "PhotoSettings",
    "PhotographOptions",
    "PlanHead",
    "PlannedShot",
    "ProvenanceOptions",
    "PruneSettings",
    "ReportSettings",
    "ReviewSettings",
    "RunOptions",
    "SchedulingOptions",
    "SelectionOptions",
    "ServeSettings",
    "SettingField",
    "Settings",
    "ShotOptions",
    "ShotsSettings",
    "ToneOptions",
    "TrainSettings",
    "ValueType",
    "VerifySettings",
    "VideoSettings",
    "check",
    "dataclass_from",
    "fields_of",
    "group_of",
    "nearest",
    "option",
    "option_of",
    "plain",
    "required",
    "typed_path",
    "value_types_of",
]
