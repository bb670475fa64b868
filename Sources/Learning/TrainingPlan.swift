// Which tensors of a model are trained, and where each lies in the vectors that clients and server pass.

import Kernels

/// A model with the choice of what is trained: the shape of every vector that clients and server pass.
///
/// The trainable vector θ holds, layer by layer, the layer's own tensors where they are trained, or the
/// trained tensors of the adapters on it.
public struct TrainingPlan: Sendable {
  public let architecture: Architecture
  public let adapter: (any Adapter)?
  /// Where the trained tensors lie in θ.
  public let slots: [ParameterSlot]
  /// Where the adapter tensors that are not trained lie in their own vector.
  public let frozenFactorSlots: [ParameterSlot]
  /// Index of the first layer with a trained tensor.
  let firstTrained: Int
  private let modes: [String: HostMode]
  private let targets: [String: Int]
  private let isTrainedLayer: [Bool]
  private let places: [String: (slot: ParameterSlot, isTrained: Bool)]
  /// Where tensors that several hosts share lie in θ.
  let sharedSlots: [ParameterSlot]
  /// Trained tensors that the first step from the start does not move.
  let silentSlots: [ParameterSlot]
  /// The adapter's tensors on each host, with their names there.
  private let adapterTensors: [String: [PlacedTensor]]
  /// How adapter tensors begin, by name.
  private let starts: [String: TensorSpec.Start]

  /// - Throws: `ArchitectureError` if a target module is not in the model or the adapter does not fit it.
  public init(
    architecture: Architecture, adapter: (any Adapter)? = nil
  ) throws(ArchitectureError) {
    self.architecture = architecture
    var layout = Layout()
    let targets = try adapter.map { adapter throws(ArchitectureError) in
      try Self.targets(of: adapter, in: architecture)
    }
    let adapter = try adapter.map { adapter throws(ArchitectureError) in
      try adapter.fitted(to: Self.adapted(by: adapter, targets ?? [:], in: architecture))
    }
    self.adapter = adapter
    let embedding = try adapter?.softRows?.embedding(
      of: architecture, modulesToSave: adapter?.modulesToSave ?? [])
    for layer in architecture.layers {
      let first = layout.slots.count
      let isWhole = adapter.map { Self.isSaved(layer, $0) } ?? true
      var trainsShared = false
      for tensor in layer.tensors where isWhole || adapter?.trains(tensor) == true {
        layout.addTrained(tensor)
      }
      if let rows = adapter?.softRows, let embedding, embedding.name == layer.name {
        layout.add(
          AdapterTensor(
            rows.tensor, rows: rows.count, columns: embedding.width, start: .constant(0),
            isTrained: true), on: layer.name)
      }
      for host in layer.hosts {
        guard !isWhole else {
          layout.modes[host.name] = .full
          continue
        }
        guard let adapter else { continue }
        guard let target = targets?[host.name] else {
          if layout.trains(host) { layout.modes[host.name] = .adapted }
          continue
        }
        layout.modes[host.name] = adapter.mode(on: host, target: target)
        for tensor in try adapter.tensors(on: host, target: target) {
          layout.add(tensor, on: host.name)
          trainsShared = trainsShared || tensor.isShared && tensor.isTrained
        }
      }
      layout.isTrainedLayer.append(layout.slots.count > first || trainsShared)
    }
    guard !layout.slots.isEmpty || adapter?.trainsNothing == true else {
      throw ArchitectureError(
        description: adapter is ModelTensorAdapter
          ? "adapter.type: a \(architecture.name) has none of the tensors that this kind trains; use another kind, "
            + "or name layers in modules_to_save"
          : "adapter.target_modules: name at least one layer, or set adapter to null to "
            + "train the whole model")
    }
    slots = layout.slots
    frozenFactorSlots = layout.frozen
    modes = layout.modes
    isTrainedLayer = layout.isTrainedLayer
    firstTrained = layout.isTrainedLayer.firstIndex(of: true) ?? 0
    places = layout.places
    adapterTensors = layout.adapterTensors
    sharedSlots = layout.shared
    silentSlots = layout.silent
    starts = layout.starts
    self.targets = targets ?? [:]
  }

  /// Length of θ.
  public var trainableCount: Int { slots.last.map { $0.offset + $0.count } ?? 0 }

  /// How a host takes part in training.
  public func mode(of host: String) -> HostMode { modes[host] ?? .frozen }

  /// Whether a layer has a tensor in θ, of its own or of an adapter.
  public func isTrained(layer index: Int) -> Bool { isTrainedLayer[index] }

  /// Where a trained tensor of the model or of an adapter lies in θ; nil if it is not trained.
  public func trainedSlot(_ name: String) -> ParameterSlot? {
    places[name].flatMap { $0.isTrained ? $0.slot : nil }
  }

  /// Where a tensor of an adapter lies: in θ, or among the frozen factors.
  public func adapterSlot(_ name: String) -> (slot: ParameterSlot, isTrained: Bool)? {
    starts[name] == nil ? nil : places[name]
  }

  /// Which of the adapter's target modules named a host; nil for one without an adapter.
  func target(of host: String) -> Int? { targets[host] }
}

// MARK: - Layout

extension TrainingPlan {
  private struct PlacedTensor {
    let name: String
    let slot: ParameterSlot
    let isTrained: Bool
  }

  /// The vectors while they are laid out.
  private struct Layout {
    var slots: [ParameterSlot] = []
    var frozen: [ParameterSlot] = []
    var modes: [String: HostMode] = [:]
    var isTrainedLayer: [Bool] = []
    var places: [String: (slot: ParameterSlot, isTrained: Bool)] = [:]
    var adapterTensors: [String: [PlacedTensor]] = [:]
    var starts: [String: TensorSpec.Start] = [:]
    var shared: [ParameterSlot] = []
    var silent: [ParameterSlot] = []
    private var sharedPlaces: [String: ParameterSlot] = [:]

    mutating func addTrained(_ tensor: TensorSpec) {
      _ = append(tensor.name, rows: tensor.rows, columns: tensor.columns, isTrained: true)
    }

    /// Whether a host's own weight or bias is trained.
    func trains(_ host: HostSpec) -> Bool {
      places[host.weight] != nil || places["\(host.name).bias"] != nil
    }

    /// A shared tensor lies with the first host that has it; further hosts find it by their own name for it.
    mutating func add(_ tensor: AdapterTensor, on owner: String) {
      let name = "\(owner).\(tensor.name)"
      starts[name] = tensor.start
      let known = tensor.isShared ? sharedPlaces[tensor.name] : nil
      let slot =
        known
        ?? append(name, rows: tensor.rows, columns: tensor.columns, isTrained: tensor.isTrained)
      if known != nil { places[name] = (slot, tensor.isTrained) }
      if known == nil, tensor.isTrained, tensor.isSilentAtStart { silent.append(slot) }
      if tensor.isShared, known == nil {
        sharedPlaces[tensor.name] = slot
        if tensor.isTrained { shared.append(slot) }
      }
      adapterTensors[owner, default: []].append(
        PlacedTensor(name: tensor.name, slot: slot, isTrained: tensor.isTrained))
    }

    private mutating func append(_ name: String, rows: Int, columns: Int, isTrained: Bool)
      -> ParameterSlot
    {
      let last = isTrained ? slots.last : frozen.last
      let slot = ParameterSlot(
        name: name, offset: last.map { $0.offset + $0.count } ?? 0, rows: rows, columns: columns)
      if isTrained { slots.append(slot) } else { frozen.append(slot) }
      places[name] = (slot, isTrained)
      return slot
    }
  }
}

// MARK: - Values

extension TrainingPlan {
  /// Adapter tensors at their start, drawn once from the seed and shared by all.
  private func draw(_ slots: [ParameterSlot], base: [Float]?, seed: UInt64) -> [Float] {
    var stream = RandomStream(seed: seed, purpose: .initialization, step: 1)
    return slots.flatMap { slot -> [Float] in
      if let start = starts[slot.name] {
        return (0..<slot.count).map { _ in start.draw(from: &stream) }
      }
      guard let base, let own = architecture.slot(slot.name) else { return [] }
      return Array(base[own.range])
    }
  }

  /// The adapter tensors that are not trained, in one vector; empty where there are none.
  public func frozenFactors(seed: UInt64) -> [Float] {
    draw(frozenFactorSlots, base: nil, seed: seed)
  }

  /// θ at the start: the base parameters themselves, or the trained tensors of the adapters.
  public func initialTrainable(base: [Float], seed: UInt64) -> [Float] {
    adapter == nil
      ? base : withSoftStart(draw(slots, base: base, seed: seed), base: base, seed: seed)
  }

  /// The whole model that base and θ amount to: what adapters do is added to their weights.
  ///
  /// - Returns: parameters in the order of `architecture.slots`.
  public func merged(frozen: FrozenParameters, trainable: [Float]) -> [Float] {
    guard let adapter else { return trainable }
    var parameters = frozen.base
    for slot in slots {
      guard let own = architecture.slot(slot.name) else { continue }
      parameters.replaceSubrange(own.range, with: trainable[slot.range])
    }
    for host in architecture.hosts {
      guard let target = targets[host.name], adapterTensors[host.name] != nil else { continue }
      var weights = self.weights(of: host, in: parameters)
      let tensors = adapterValues(on: host, frozen: frozen.factors, trainable: trainable)
      adapter.merge(tensors, into: &weights, on: host, target: target)
      if let own = architecture.slot(host.weight) {
        parameters.replaceSubrange(own.range, with: weights.weight)
      }
      if let own = architecture.slot("\(host.name).bias") {
        parameters.replaceSubrange(own.range, with: weights.bias)
      }
    }
    return parameters
  }

  /// Weight and bias of a host among the parameters of the whole model.
  func weights(of host: HostSpec, in parameters: [Float]) -> HostWeights {
    func values(_ name: String) -> [Float] {
      architecture.slot(name).map { Array(parameters[$0.range]) } ?? []
    }
    return HostWeights(weight: values(host.weight), bias: values("\(host.name).bias"))
  }

  /// The values of an adapter's tensors on a host, by their names there.
  func adapterValues(
    on host: HostSpec, frozen: [Float], trainable: [Float]
  ) -> [String: [Float]] {
    var tensors: [String: [Float]] = [:]
    for tensor in adapterTensors[host.name] ?? [] {
      let values = tensor.isTrained ? trainable : frozen
      tensors[tensor.name] = Array(values[tensor.slot.range])
    }
    return tensors
  }

  /// The trained tensors of an adapter on a host in their order: names, places in θ, and whether others share them.
  func trainedTensors(on host: HostSpec) -> [(name: String, slot: ParameterSlot, isShared: Bool)] {
    (adapterTensors[host.name] ?? []).filter(\.isTrained).map {
      ($0.name, $0.slot, sharedSlots.contains($0.slot))
    }
  }
}
