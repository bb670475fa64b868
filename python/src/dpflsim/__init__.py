"""dpflsim from Python: differentially private clustered federated learning, simulated.

    import dpflsim

    result = dpflsim.run("scenarios/tiny.json", privacy__target_epsilon=2)
    result.accuracy.worst_cluster, result.privacy.epsilon_max
    result.frame("rounds")

docs/python.md goes through all of it.
"""

from . import comparison, data, errors, lab, progress, results, scenario, tensors, verdicts
from .commands import (
    advise,
    audit,
    calibrate,
    check,
    compare,
    datasets,
    delete,
    describe,
    epsilon,
    export,
    inspect,
    ledger,
    load,
    merge,
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
from .verdicts import Advice, AuditReport, MergedAdapter

__all__ = [
    "Advice",
    "AuditReport",
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
    "MergedAdapter",
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
    "advise",
    "audit",
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
    "export",
    "inspect",
    "lab",
    "ledger",
    "load",
    "merge",
    "progress",
    "report",
    "results",
    "resume",
    "run",
    "runs",
    "scenario",
    "sweep",
    "tensors",
    "verdicts",
    "version",
]
