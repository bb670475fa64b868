// The library in one import: scenarios, their runs and guarantees, and what methods, models, layers, adapters, rules of
// aggregation and data of one's own are made of.

@_exported public import Clustering
@_exported public import Datasets
@_exported public import Federation
@_exported public import JSON
@_exported public import Kernels
@_exported public import Learning
@_exported public import Privacy
@_exported public import Scenarios
@_exported public import Tensors
