// Several LoRA adapters as one, and the folder that holds it.

import Federation
public import Foundation
import Kernels
public import Learning
import Scenarios
import Store
import Tensors

/// A merged adapter, ready to be written.
public struct MergedAdapter: Sendable {
  private let config: JSONValue
  private let file: Safetensors
  /// The base that the first part began from, which the merged adapter stands on; nil where its configuration names a
  /// place of its own.
  private let base: Data?
  /// The mean of the parts' classifiers; nil for models without one of its own.
  private let head: AdapterHead?
  public let privacy: MergedPrivacy
  /// As the user named them.
  private let parts: [String]
  /// Layers, and the largest relative error of the written factors against the merged change of the weights.
  public let layers: Int
  public let largestError: Double

  /// - Parameters:
  ///   - rank: of the written factors; nil takes the sum of the parts' ranks, at most a layer's smaller side.
  ///   - epsilon: of a part's run, as the store has it; nil for a run that it does not know.
  ///   - data: of a part's run, what its data are; nil likewise.
  ///   - areDisjoint: whether it was stated that no record is in the data of two runs (`MergedPrivacy`).
  /// - Throws: `MergeError` for parts of different layers or shapes; `EigenError`, `SafetensorsError`.
  public init(
    _ parts: [AdapterFolder], rule: TaskMerging, space: MergeSpace, rank: Int? = nil,
    areDisjoint: Bool = false, epsilon: (String) -> Double? = { _ in nil },
    data: (String) -> String?
  ) throws {
    guard let first = parts.first, parts.count > 1 else {
      throw MergeError("merge: needs at least two adapters; name more folders or runs")
    }
    let names = first.layers.keys.sorted()
    for part in parts.dropFirst() {
      guard part.layers.keys.sorted() == names else {
        throw MergeError(
          "\(part.name): adapts \(part.layers.keys.sorted().joined(separator: ", ")) and \(first.name) "
            + "\(names.joined(separator: ", ")); merge adapters of the same layers")
      }
      for name in names {
        guard let a = first.layers[name], let b = part.layers[name], a.a.columns == b.a.columns,
          a.b.rows == b.b.rows, space == .product || a.a.rows == b.a.rows
        else {
          throw MergeError(
            "\(part.name): \(name) has another shape than in \(first.name); merge adapters of one base "
              + "model" + (space == .factors ? " and one rank, or in product space" : ""))
        }
      }
    }
    self.parts = parts.map(\.name)
    head = try AdapterHead(meanOf: parts)
    if rank != nil, space == .factors {
      throw MergeError(
        "merge: a rank cuts products and leaves factors as they are; leave it out, or merge in product space"
      )
    }
    let folded = try parts.map { try FoldedBase($0) }
    try CommonBase.check(parts, folded: folded)
    if space == .factors, let place = folded.firstIndex(where: { $0 != nil }) {
      throw MergeError(
        "\(parts[place].name): its rule of averaging changed its base too, which factors do not hold; merge in product space"
      )
    }
    let merged =
      space == .product
      ? try Self.products(parts, folded, names, rule, rank: rank)
      : Self.factors(parts, names, rule)
    largestError = merged.map(\.error).max() ?? 0
    layers = names.count
    privacy = MergedPrivacy(
      try parts.map { part in
        let run = part.metadata["run_id"]
        return MergedPrivacy.Part(
          run: run, data: run.flatMap(data),
          epsilon: try part.epsilon(stored: run.flatMap(epsilon)),
          delta: part.metadata["delta"].flatMap(Double.init) ?? 0,
          protects: part.metadata["protects"]
            ?? part.metadata["unit"].map { unit in
              "\(unit), \(part.metadata["relation"] ?? "relation not stated")"
            },
          seeds: part.metadata["noise_seed"].map { $0 == "system" ? [] : Self.words($0) },
          allowed: Self.words(part.metadata["allowed"] ?? ""))
      }, areDisjoint: areDisjoint)
    let start = folded[0]?.start ?? first.baseFile
    base = first.hasRelativeBase ? start.flatMap { try? Data(contentsOf: $0) } : nil
    config = Self.configuration(first, merged, hasBase: base != nil)
    file = try Safetensors(
      tensors: merged.flatMap(\.tensors) + parts.mean(of: \.whole),
      metadata: [
        "format": "pt", "merged_from": parts.map(\.name).joined(separator: ", "),
        "epsilon": privacy.epsilon.map { "\($0)" } ?? "none", "delta": "\(privacy.delta)",
        "privacy": privacy.reason, "allowed": privacy.allowed.sorted().joined(separator: ","),
      ].merging(
        [
          "protects": privacy.protects,
          "noise_seed": privacy.seeds.map {
            $0.isEmpty ? "system" : $0.sorted().joined(separator: ",")
          },
        ].compactMapValues { $0 }
      ) { $1 })
  }

  /// As metadata list them.
  private static func words(_ text: String) -> Set<String> {
    Set(text.split(separator: ",").map(String.init))
  }

  /// One layer's factors as they are written.
  private struct Merged {
    let name: String
    let a: Matrix
    let b: Matrix
    let like: AdapterFolder.Layer
    let error: Double

    var tensors: [Safetensors.Tensor] {
      [
        Safetensors.Tensor(
          name: "base_model.model.\(name).lora_A.weight", shape: [a.rows] + like.inputShape,
          values: .float32(a.elements.map { Float($0) })),
        Safetensors.Tensor(
          name: "base_model.model.\(name).lora_B.weight",
          shape: [b.rows, b.columns] + like.outputShape,
          values: .float32(b.elements.map { Float($0) })),
      ]
    }
  }

  /// - Parameter folded: what parts changed in their bases.
  private static func products(
    _ parts: [AdapterFolder], _ folded: [FoldedBase?], _ names: [String], _ rule: TaskMerging,
    rank: Int?
  ) throws -> [Merged] {
    let products = zip(parts, folded).map { part, folded in
      names.compactMap { name in
        part.layers[name].map { layer in
          folded?.changes[name].map { layer.product.adding($0) } ?? layer.product
        }
      }
    }
    var tensors: [Range<Int>] = []
    for product in products[0] {
      let start = tensors.last?.upperBound ?? 0
      tensors.append(start..<start + product.elements.count)
    }
    let vector = rule.merge(products.map { $0.flatMap(\.elements) }, tensors: tensors)
    return try zip(names, tensors).enumerated().compactMap { index, place in
      guard let like = parts[0].layers[place.0] else { return nil }
      let shape = products[0][index]
      let whole = Matrix(
        rows: shape.rows, columns: shape.columns, elements: Array(vector[place.1]))
      let isFolded = folded.contains { $0?.changes[place.0] != nil }
      let ranks =
        isFolded
        ? min(shape.rows, shape.columns)
        : parts.reduce(0) { $0 + ($1.layers[place.0]?.a.rows ?? 0) }
      let (b, a) = try whole.bestFactors(
        rank: min(rank ?? ranks, shape.rows, shape.columns))
      let missed = b.multiplied(by: a).adding(whole, times: -1).squaredNorm
      let size = whole.squaredNorm
      return Merged(
        name: place.0, a: a, b: b, like: like,
        error: size > 0 ? (missed / size).squareRoot() : 0)
    }
  }

  /// A and B apart, each scaled by √s so that the written scale is 1.
  private static func factors(
    _ parts: [AdapterFolder], _ names: [String], _ rule: TaskMerging
  ) -> [Merged] {
    names.compactMap { name in
      let own = parts.compactMap { $0.layers[name] }
      guard let like = own.first else { return nil }
      func merged(_ side: (AdapterFolder.Layer) -> Matrix) -> Matrix {
        let scaled = own.map { side($0).scaled(by: $0.scale.squareRoot()) }
        return Matrix(
          rows: scaled[0].rows, columns: scaled[0].columns,
          elements: rule.merge(scaled.map(\.elements)))
      }
      return Merged(name: name, a: merged(\.a), b: merged(\.b), like: like, error: 0)
    }
  }

  private static func configuration(
    _ first: AdapterFolder, _ merged: [Merged], hasBase: Bool
  ) -> JSONValue {
    guard case .object(var members) = first.document else { return first.document }
    let rank = merged.map(\.a.rows).max() ?? 1
    var ranks: [String: JSONValue] = [:]
    var alphas: [String: JSONValue] = [:]
    for layer in merged where layer.a.rows != rank {
      ranks[layer.name] = .integer(layer.a.rows)
      alphas[layer.name] = .integer(layer.a.rows)
    }
    // The scale is in the factors: alpha / r = 1.
    members["r"] = .integer(rank)
    members["lora_alpha"] = .integer(rank)
    members["use_rslora"] = .bool(false)
    members["rank_pattern"] = .object(ranks)
    members["alpha_pattern"] = .object(alphas)
    if hasBase { members["base_model_name_or_path"] = "base" }
    return .object(members)
  }

  /// What the folder holds, for people.
  private var card: String {
    let guarantee =
      privacy.epsilon.map { "epsilon \($0), delta \(privacy.delta)" } ?? "no epsilon"
    return """
      # A merged adapter

      Merged by dpflsim from \(parts.joined(separator: ", ")). Its guarantee: \(guarantee)\(privacy.protects.map { " (\($0))" } ?? ""): \(privacy.reason).

      """
  }

  /// Writes `adapter_config.json`, `adapter_model.safetensors` and `README.md`, an encoder's `classifier.safetensors` and
  /// `classifier.json`, and the base that they stand on as `base/model.safetensors` where it lay beside the first part.
  ///
  /// - Parameter replacing: whether another adapter in the folder is written over.
  /// - Throws: `MergeError` for a folder that holds an adapter; `StoreError.cannotWrite`, `SafetensorsError`.
  public func write(to folder: URL, replacing: Bool = false) throws -> [URL] {
    let config = folder.appendingPathComponent("adapter_config.json")
    let isOccupied = FileManager.default.fileExists(atPath: config.path)
    guard replacing || !isOccupied else {
      throw MergeError(
        "\(folder.path): holds an adapter; name another folder, or write over it with --replace")
    }
    let home = folder.appendingPathComponent("base", isDirectory: true)
    let target = base == nil ? folder : home
    do {
      try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
    } catch {
      throw StoreError.cannotWrite(path: target.path, reason: StoreError.reason(of: error))
    }
    var files = [
      (config, Data((self.config.prettyText + "\n").utf8)),
      (folder.appendingPathComponent("README.md"), Data(card.utf8)),
      (folder.appendingPathComponent("adapter_model.safetensors"), try file.data()),
    ]
    for file in try head?.files() ?? [] {
      files.append((folder.appendingPathComponent(file.name), file.data))
    }
    if let base { files.append((home.appendingPathComponent("model.safetensors"), base)) }
    for (url, data) in files { try AtomicFile.write(data, to: url) }
    if isOccupied { try AdapterHead.removeOthers(than: files.map(\.0), from: folder) }
    return files.map(\.0)
  }
}
