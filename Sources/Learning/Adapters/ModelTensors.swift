// Adapters that add nothing: some tensors of the model itself are trained, the rest is frozen.
//
// Ben Zaken, Goldberg, Ravfogel, "BitFit" (2022): all biases. PEFT's `LN_TUNING` for normalisations.

/// A choice of the model's own tensors that are trained in place.
///
/// Under DP-SGD all of them enter the per-example clip and are noised; the trained model is the base model with
/// other numbers, so there is nothing to merge. The mean of clients' tensors is a model.
public struct ModelTensorAdapter: Adapter, Hashable {
  public enum Choice: String, Sendable, Hashable {
    /// Biases of linear maps and shifts of normalisations.
    case biases = "bitfit"
    /// Scales and shifts of normalisations.
    case norms = "layer_norm"
    /// None: what is trained are the layers of `modulesToSave`.
    case nothing = "linear_probe"
  }

  public let choice: Choice
  public let modulesToSave: [String]
  public var kind: String { choice.rawValue }
  public var targetModules: [String] { [] }

  public init(_ choice: Choice, modulesToSave: [String] = []) {
    self.choice = choice
    self.modulesToSave = modulesToSave
  }

  public func trains(_ tensor: TensorSpec) -> Bool {
    switch choice {
    case .biases: tensor.role == .bias || tensor.role == .shift
    case .norms: tensor.role == .scale || tensor.role == .shift
    case .nothing: false
    }
  }

  public func tensors(on host: HostSpec, target: Int) -> [AdapterTensor] { [] }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {}
}
