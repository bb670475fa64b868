"""dpflsim from Python: differentially private clustered federated learning, simulated.

    import dpflsim

    result = dpflsim.run("scenarios/tiny.json", privacy__target_epsilon=2)
    result.accuracy.worst_cluster, result.privacy.epsilon_max
    result.frame("rounds")

docs/python.md goes through all of it.
"""

from . import comparison, data, errors, lab, progress, results, scenario, tensors
from .commands import (
    calibrate,
    check,
    compare,
    datasets,
    delete,
    describe,
    epsilon,
    inspect,
    ledger,
    load,
    report,
    resume,
    run,
    runs,
    sweep,
    version,
)
from .comparison import Comparison, SweepResult
from .data import CarriedBudget, DataDescription, Dataset, TableInspection
from .errors import (
    CannotRead,
    CannotWrite,
    DpflsimError,
    Interrupted,
    InvalidInput,
    MissingInput,
    NotInstalled,
    Problem,
    ProgramFault,
    Stopped,
    WrongUsage,
)
from .results import CheckReport, Epsilon, Ledger, RunResult, RunSummary
from .scenario import Scenario

__all__ = [
    "CannotRead",
    "CannotWrite",
    "CarriedBudget",
    "CheckReport",
    "Comparison",
    "DataDescription",
    "Dataset",
    "DpflsimError",
    "Epsilon",
    "Interrupted",
    "InvalidInput",
    "Ledger",
    "MissingInput",
    "NotInstalled",
    "Problem",
    "ProgramFault",
    "RunResult",
    "RunSummary",
    "Scenario",
    "Stopped",
    "SweepResult",
    "TableInspection",
    "WrongUsage",
    "calibrate",
    "check",
    "compare",
    "comparison",
    "data",
    "datasets",
    "delete",
    "describe",
    "epsilon",
    "errors",
    "inspect",
    "lab",
    "ledger",
    "load",
    "progress",
    "report",
    "results",
    "resume",
    "run",
    "runs",
    "scenario",
    "sweep",
    "tensors",
    "version",
]
