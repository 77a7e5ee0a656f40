"""Every option of every job, once.

A job's options stand in its own module, those that jobs share in `shared`; `options` is how one is
declared and read.
"""

from archivecolor.settings.archive import CompactSettings, ExportSettings, GreySettings, VerifySettings
from archivecolor.settings.evaluation import EvaluateSettings
from archivecolor.settings.films import VideoSettings
from archivecolor.settings.machine import DoctorSettings, ModelsSettings
from archivecolor.settings.options import (
    Kind,
    Option,
    Settings,
    check,
    fields_of,
    kinds_of,
    nearest,
    option,
    option_of,
    plain,
    required,
    settings_from,
)
from archivecolor.settings.photographs import DirSettings
from archivecolor.settings.shared import (
    AnswerOptions,
    NetworkOptions,
    ProvenanceOptions,
    SelectionOptions,
    UnattendedOptions,
    VoiceOptions,
)
from archivecolor.settings.training import TrainSettings

__all__ = [
    "AnswerOptions",
    "CompactSettings",
    "DirSettings",
    "DoctorSettings",
    "EvaluateSettings",
    "ExportSettings",
    "GreySettings",
    "Kind",
    "ModelsSettings",
    "NetworkOptions",
    "Option",
    "ProvenanceOptions",
    "SelectionOptions",
    "Settings",
    "TrainSettings",
    "UnattendedOptions",
    "VerifySettings",
    "VideoSettings",
    "VoiceOptions",
    "check",
    "fields_of",
    "kinds_of",
    "nearest",
    "option",
    "option_of",
    "plain",
    "required",
    "settings_from",
]
