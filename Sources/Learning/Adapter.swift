// What an adapter is: tensors beside frozen weights, and how they change what the weights do. A kind of adapter
// is one file.

public import Kernels

/// A tensor that an adapter puts on a host.
public struct AdapterTensor: Sendable, Hashable {
  /// The last part of its name, such as `lora_A`.
  public let name: String
  public let rows: Int
  public let columns: Int
  public let start: TensorSpec.Start
  /// Whether clients train it; otherwise it keeps its start, the same on all clients.
  public let isTrained: Bool
  /// Whether all hosts that have a tensor of this name use the same one. It lies with the first of them.
  public let isShared: Bool
  /// Whether the first step from the start has no gradient for it, because another tensor starts at zero.
  public let isSilentAtStart: Bool

  public init(
    _ name: String, rows: Int, columns: Int, start: TensorSpec.Start, isTrained: Bool,
    isShared: Bool = false, isSilentAtStart: Bool = false
  ) {
    self.isShared = isShared
    self.isSilentAtStart = isSilentAtStart
    self.name = name
    self.rows = rows
    self.columns = columns
    self.start = start
    self.isTrained = isTrained
  }
}

/// How one weight matrix takes part in training.
public enum HostMode: Sendable, Hashable {
  case frozen
  /// Weight and bias themselves are trained.
  case full
  /// W + s·B A with W frozen; layers have kernels for it.
  case lowRank(rank: Int, scale: Float, trained: TrainedFactors)
  /// Another adapter adds its term to the output of the frozen host.
  case adapted
}

/// Weight and bias of a host.
public struct HostWeights: Sendable, Hashable {
  /// `rows × columns` of the host.
  public var weight: [Float]
  /// Empty where the host has none.
  public var bias: [Float]

  public init(weight: [Float], bias: [Float]) {
    self.weight = weight
    self.bias = bias
  }
}

/// A kind of adapter with its settings.
public protocol Adapter: Sendable {
  /// As the scenario's `adapter.type` and PEFT's `peft_type` name it.
  var kind: String { get }
  /// The adapted hosts: names in full, or their last parts, as PEFT matches them.
  var targetModules: [String] { get }
  /// Layers that are trained whole beside the adapter, such as a fresh classifier.
  var modulesToSave: [String] { get }

  /// Whether a tensor of the model itself is trained, such as a bias.
  func trains(_ tensor: TensorSpec) -> Bool
  /// The same adapter once it knows the hosts that it is on, from input to output.
  ///
  /// - Throws: `ArchitectureError` if it does not fit them.
  func fitted(to hosts: [AdaptedHost]) throws(ArchitectureError) -> any Adapter
  /// Its tensors on a host.
  ///
  /// - Parameter target: which of the target modules named the host.
  /// - Throws: `ArchitectureError` if it does not fit the host.
  func tensors(
    on host: HostSpec, target: Int
  ) throws(ArchitectureError) -> [AdapterTensor]
  func mode(on host: HostSpec, target: Int) -> HostMode
  /// Rows that it puts among the tokens of every text; nil for kinds that change weights.
  var softRows: SoftRows? { get }
  /// Which of A and B of W + s·B A is trained; nil for kinds without these.
  var trainedFactors: TrainedFactors? { get }
  /// The same with others of A and B trained, or cut to a smaller rank; itself for kinds without these.
  func training(_ factors: TrainedFactors, rankLimit: Int?) -> any Adapter
  /// Whether the model with adapters is the base model with other weights.
  var isMergeable: Bool { get }
  /// Whether a plan with it is for evaluation alone.
  var trainsNothing: Bool { get }
  /// Does to a host's weights what the adapter does to its outputs.
  ///
  /// - Parameter tensors: the values of its tensors on this host, by name.
  func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int)
  /// The gradient of a penalty on θ that depends on no example: added after the noise; nil without one.
  func penaltyGradient(of theta: [Float], in plan: TrainingPlan) -> [Float]?
  /// Its term in a worker; nil for kinds that layers have kernels for.
  func makeTerm(_ context: AdapterContext) -> (any AdapterTerm)?
}

/// A host and which of an adapter's target modules named it.
public struct AdaptedHost: Sendable, Hashable {
  public let host: HostSpec
  public let target: Int

  public init(_ host: HostSpec, target: Int) {
    self.host = host
    self.target = target
  }
}

extension Adapter {
  public var modulesToSave: [String] { [] }
  public func trains(_ tensor: TensorSpec) -> Bool { false }
  public func fitted(to hosts: [AdaptedHost]) -> any Adapter { self }
  public func mode(on host: HostSpec, target: Int) -> HostMode { .adapted }
  public var softRows: SoftRows? { nil }
  public var trainedFactors: TrainedFactors? { nil }
  public func training(_ factors: TrainedFactors, rankLimit: Int?) -> any Adapter { self }
  public var isMergeable: Bool { true }
  public var trainsNothing: Bool { false }
  public func penaltyGradient(of theta: [Float], in plan: TrainingPlan) -> [Float]? { nil }
  public func makeTerm(_ context: AdapterContext) -> (any AdapterTerm)? { nil }
}

/// What an adapter's term is made with.
public struct AdapterContext {
  public let plan: TrainingPlan
  public let host: HostSpec
  public let target: Int
  /// Examples and rows that a tile can hold.
  public let examples: Int
  public let rows: Int
  public let workspace: Workspace

  /// Where a tensor of the adapter lies: in θ, or among the frozen factors.
  public func slot(_ tensor: String) -> (slot: ParameterSlot, isTrained: Bool)? {
    plan.adapterSlot("\(host.name).\(tensor)")
  }
}

/// An adapter on one host in a worker. Rows of a tile are those of the host's input and output.
public protocol AdapterTerm: AnyObject {
  /// Whether the term computes with the host's outputs, so that ∂loss/∂y of the host itself is another than that
  /// behind the term: `backward` then replaces it in place, and adds nothing to the input's gradient.
  var isOnOutput: Bool { get }
  func load(frozen: FrozenParameters)
  func load(trainable: [Float])
  /// Changes the host's outputs y (before any non-linearity) for inputs x.
  func forward(_ x: MatrixView, _ y: MatrixView, tile: Tile)
  /// Given ∂loss/∂y; adds what the term contributes to ∂loss/∂x where that is wanted.
  ///
  /// x stays as it is until the sum is taken; the gradients do not outlive the call.
  func backward(_ x: MatrixView, outputGradient: MatrixView, inputGradient: MatrixView?, tile: Tile)
  func squaredNorm(of example: Int) -> Double
  func accumulate(_ tile: Tile, coefficients: [Float])
  func drainSum(into total: inout [Float])
  /// As `Layer.hasSharedSum`.
  var hasSharedSum: Bool { get }
}

extension AdapterTerm {
  public var isOnOutput: Bool { false }
  public var hasSharedSum: Bool { false }
}
