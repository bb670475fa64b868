// What is wrong with a scenario, in the words of the document that it is.

// Whoever reads scenarios handles their values: one import brings both.
@_exported public import JSON

/// One or more problems of a scenario file or of the overrides given with it.
public typealias ScenarioError = DocumentError
