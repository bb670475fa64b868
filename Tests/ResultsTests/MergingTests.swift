// Merged adapters as files against matrices multiplied by hand, and the guarantee of what was merged.

import Analysis
import Formatting
import Foundation
import Learning
import Presentation
import Store
import Tensors
import Testing

/// Two adapters of rank 2 on a layer `fc`, of 3 × 4 unless other factors are given.
struct TwoAdapters {
  let folder: URL
  let parts: [URL]
  static let a: [[Float]] = [[1, 0, 2, -1, 0, 1, 1, 3], [0.5, 1, 0, 0, 2, -1, 1, 0]]
  static let b: [[Float]] = [[1, 2, 0, 1, -1, 0], [0, 1, 1, 1, 2, -2]]

  init(a: [[Float]] = Self.a, b: [[Float]] = Self.b, alphas: [Int] = [4, 2]) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "dpflsim-\(UUID().uuidString)")
    var parts: [URL] = []
    for k in 0..<2 {
      let part = folder.appendingPathComponent("part-\(k)")
      try FileManager.default.createDirectory(at: part, withIntermediateDirectories: true)
      let config = """
        {"peft_type": "LORA", "r": 2, "lora_alpha": \(alphas[k]), "use_rslora": false, \
        "rank_pattern": {}, "target_modules": ["fc"], "base_model_name_or_path": "../base"}
        """
      try Data(config.utf8).write(to: part.appendingPathComponent("adapter_config.json"))
      let file = try Safetensors(
        tensors: [
          Safetensors.Tensor(
            name: "base_model.model.fc.lora_A.weight", shape: [2, a[k].count / 2],
            values: .float32(a[k])),
          Safetensors.Tensor(
            name: "base_model.model.fc.lora_B.weight", shape: [b[k].count / 2, 2],
            values: .float32(b[k])),
          Safetensors.Tensor(
            name: "base_model.model.head.bias", shape: [2], values: .float32([Float(k), 4])),
        ],
        metadata: [
          "format": "pt", "run_id": "run-\(k)", "epsilon": "\(k + 2)", "delta": "1e-05",
          "unit": "example", "relation": "add-or-remove-one", "noise_seed": "\(k)",
        ])
      try file.data().write(to: part.appendingPathComponent("adapter_model.safetensors"))
      parts.append(part)
    }
    self.parts = parts
  }

  static func product(_ a: [Float], _ b: [Float], rank: Int, scale: Double) -> [Double] {
    (0..<12).map { place in
      let (row, column) = (place / 4, place % 4)
      return (0..<rank).reduce(0.0) {
        $0 + scale * Double(b[row * rank + $1]) * Double(a[$1 * 4 + column])
      }
    }
  }

  /// s B A of a written folder.
  static func change(_ folder: URL) throws -> (values: [Double], rank: Int, file: Safetensors) {
    let file = try Safetensors(
      data: Data(contentsOf: folder.appendingPathComponent("adapter_model.safetensors")))
    let a = try #require(file["base_model.model.fc.lora_A.weight"])
    let b = try #require(file["base_model.model.fc.lora_B.weight"])
    guard case .float32(let left) = a.values, case .float32(let right) = b.values else {
      return ([], 0, file)
    }
    return (product(left, right, rank: a.shape[0], scale: 1), a.shape[0], file)
  }
}

@Suite("Merged adapters")
struct MergingTests {
  private func merged(
    _ rule: TaskMerging, space: MergeSpace = .product, rank: Int? = nil,
    data: @escaping (String) -> String? = { _ in nil }
  ) throws -> (change: [Double], rank: Int, file: Safetensors, merged: MergedAdapter) {
    let two = try TwoAdapters()
    defer { try? FileManager.default.removeItem(at: two.folder) }
    let adapter = try MergedAdapter(
      two.parts.map { try AdapterFolder($0) }, rule: rule, space: space, rank: rank, data: data)
    let target = two.folder.appendingPathComponent("merged")
    _ = try adapter.write(to: target)
    let config = try String(
      contentsOf: target.appendingPathComponent("adapter_config.json"), encoding: .utf8)
    #expect(config.contains("\"peft_type\": \"LORA\""))
    let (values, written, file) = try TwoAdapters.change(target)
    return (values, written, file, adapter)
  }

  private var products: [[Double]] {
    zip([2.0, 1.0], zip(TwoAdapters.a, TwoAdapters.b)).map { scale, pair in
      TwoAdapters.product(pair.0, pair.1, rank: 2, scale: scale)
    }
  }

  @Test("in product space the written change is the merged one; heads are averaged")
  func productSpace() throws {
    for rule in [
      TaskMerging.uniform, .taskArithmetic(scale: 0.3), .sparseOverlap,
      .ties(density: 0.5, trim: .tensor),
    ] {
      let (change, rank, file, merged) = try merged(rule)
      let expected = rule.merge(products)
      // Rank 4 of two, cut to the smaller side 3: exact.
      #expect(rank == 3 && merged.largestError < 1e-7)
      for (x, y) in zip(change, expected) { #expect(abs(x - y) < 1e-5) }
      #expect(file["base_model.model.head.bias"]?.values == .float32([0.5, 4]))
    }
  }

  @Test("a smaller rank keeps the largest singular values; factor space is another matrix")
  func ranksAndSpaces() throws {
    let cut = try merged(.uniform, rank: 1)
    #expect(cut.rank == 1 && cut.merged.largestError > 0.05)
    let factors = try merged(.uniform, space: .factors)
    let scales: [Double] = [Double(2).squareRoot(), 1]
    func mean(_ values: [[Float]]) -> [Float] {
      zip(values[0], values[1]).map { Float((scales[0] * Double($0) + scales[1] * Double($1)) / 2) }
    }
    let expected = TwoAdapters.product(
      mean(TwoAdapters.a), mean(TwoAdapters.b), rank: 2, scale: 1)
    for (x, y) in zip(factors.change, expected) { #expect(abs(x - y) < 1e-5) }
  }

  /// 0.5 · sin(0.37 i + 0.11 i² + 1.7 k + 0.5), as Tests/LearningTests/Golden/adapters.json has its factors.
  private func golden(_ k: Int, _ count: Int) -> [Float] {
    (0..<count).map { i in
      let i = Double(i)
      return Float(0.5 * sin(0.37 * i + 0.11 * i * i + 1.7 * Double(k) + 0.5))
    }
  }

  @Test("golden norms of the mean product, its best rank 2, and the product of mean factors")
  func goldenNorms() throws {
    let two = try TwoAdapters(
      a: [golden(501, 10), golden(510, 10)], b: [golden(500, 12), golden(507, 12)], alphas: [2, 2])
    defer { try? FileManager.default.removeItem(at: two.folder) }
    let parts = try two.parts.map { try AdapterFolder($0) }
    // From an independent implementation (adapters.json, `merging.lora`).
    for (space, rank, expected) in [
      (MergeSpace.product, nil as Int?, 0.347050969756), (.product, 2, 0.328642593424),
      (.factors, nil, 0.175836130051),
    ] {
      let target = two.folder.appendingPathComponent("merged")
      _ = try MergedAdapter(parts, rule: .uniform, space: space, rank: rank) { _ in nil }
        .write(to: target, replacing: true)
      let file = try Safetensors(
        data: Data(contentsOf: target.appendingPathComponent("adapter_model.safetensors")))
      guard case .float32(let a)? = file["base_model.model.fc.lora_A.weight"]?.values,
        case .float32(let b)? = file["base_model.model.fc.lora_B.weight"]?.values
      else {
        Issue.record("the folder has no factors")
        return
      }
      let written = a.count / 5
      let square = (0..<30).reduce(0.0) { total, place in
        let entry = (0..<written).reduce(0.0) {
          $0 + Double(b[place / 5 * written + $1]) * Double(a[$1 * 5 + place % 5])
        }
        return total + entry * entry
      }
      #expect(abs(square.squareRoot() - expected) < 1e-6)
    }
  }

  @Test("epsilons add up; of data that share no record, as stated, the largest counts; none: none")
  func privacy() throws {
    #expect(try merged(.uniform, data: { $0 }).merged.privacy.epsilon == 5)
    let same = try merged(.uniform, data: { _ in "same" }).merged.privacy
    #expect(same.epsilon == 5 && same.delta == 2e-5)
    #expect(try merged(.uniform).merged.privacy.epsilon == 5)
    // Each run with a seed of its own, unless it says otherwise.
    func part(
      _ run: String?, _ data: String?, _ epsilon: Double?, unit: String? = "example, add-or-remove",
      seeds: Set<String>?? = .none, allowed: Set<String> = []
    ) -> MergedPrivacy.Part {
      MergedPrivacy.Part(
        run: run, data: data, epsilon: epsilon, delta: 1e-5, protects: unit,
        seeds: seeds ?? [run ?? "another"], allowed: allowed)
    }
    let oneRun = MergedPrivacy([part("a", "x", 2), part("a", "x", 2), part("a", nil, 2)])
    #expect(oneRun.epsilon == 2 && oneRun.delta == 1e-5)
    // Two runs on x, one on y: 2 + 1 against 2.5.
    #expect(
      MergedPrivacy([part("a", "x", 2), part("b", "x", 1), part("c", "y", 2.5)], areDisjoint: true)
        .epsilon == 3)
    // That data differ does not say that no record is in both.
    #expect(
      MergedPrivacy([part("a", "x", 2), part("b", "x", 1), part("c", "y", 2.5)]).epsilon == 5.5)
    #expect(MergedPrivacy([part("a", "x", 2), part("b", "y", 1)]).epsilon == 3)
    #expect(MergedPrivacy([part("a", "x", 2), part("b", "y", 1)]).delta == 2e-5)
    #expect(
      MergedPrivacy([part("a", "x", 2), part("b", "y", 1)], areDisjoint: true).epsilon == 2)
    #expect(
      MergedPrivacy(
        [part("a", "x", 2), part("b", "y", 1), part(nil, nil, 0.5)], areDisjoint: true
      ).epsilon == 2.5)
    #expect(MergedPrivacy([part("a", "x", 2), part("b", "y", nil)]).epsilon == nil)
    // The same noise twice: the difference of the two holds none, on whatever data.
    for areDisjoint in [true, false] {
      let same = MergedPrivacy(
        [part("a", "x", 2, seeds: ["0"]), part("b", "y", 1, seeds: ["0"])],
        areDisjoint: areDisjoint)
      #expect(same.epsilon == nil && same.reason.contains("seed 0") && same.protects == nil)
    }
    #expect(
      MergedPrivacy([part("a", "x", 2), part("b", "y", 1, seeds: .some(nil))]).epsilon == nil)
    #expect(
      MergedPrivacy([part("a", "x", 2, seeds: []), part("b", "y", 1, seeds: [])]).epsilon
        == 3)
    #expect(MergedPrivacy([part("a", "x", 2, seeds: .some(nil))]).epsilon == 2)
    // A module that was merged from seeds 0 and 1 beside a run of seed 1.
    #expect(
      MergedPrivacy([part(nil, nil, 3, seeds: ["0", "1"]), part("b", "y", 1, seeds: ["1"])])
        .epsilon == nil)
    #expect(
      MergedPrivacy([part(nil, nil, 3, seeds: ["0", "1"]), part("b", "y", 1, seeds: ["2"])])
        .epsilon == 4)
    let read = MergedPrivacy([part("a", "x", 2, allowed: ["DP115"])])
    #expect(read.epsilon == nil && read.allowed == ["DP115"])
    #expect(MergedPrivacy([part("a", "x", 2, allowed: ["DP102"])]).epsilon == 2)
    #expect(MergedPrivacy([part("a", "x", 2, allowed: ["withdrawn"])]).epsilon == nil)
    // Examples and clients have no common sum.
    let mixed = MergedPrivacy([
      part("a", "x", 2), part("b", "y", 1, unit: "client, add-or-remove"),
    ])
    #expect(mixed.epsilon == nil && mixed.reason.contains("different things"))
  }

  /// Gives a part a base of its own, into which a rule of averaging folded `change`.
  private func fold(_ change: [Float], into part: URL, startingAt start: [Float]) throws {
    let config = part.appendingPathComponent("adapter_config.json")
    let text = try String(contentsOf: config, encoding: .utf8)
    try Data(text.replacing("../base", with: "base").utf8).write(to: config)
    for (folder, values, metadata) in [
      (part, zip(start, change).map { $0 + $1 }, ["result_digest": "ab"]),
      (part.deletingLastPathComponent(), start, [:]),
    ] {
      let base = folder.appendingPathComponent("base")
      try FileManager.default.createDirectory(at: base, withIntermediateDirectories: true)
      try Safetensors(
        tensors: [
          Safetensors.Tensor(name: "fc.weight", shape: [3, 4], values: .float32(values)),
          Safetensors.Tensor(name: "fc.bias", shape: [3], values: .float32([1, 2, 3])),
        ], metadata: metadata
      ).data().write(to: base.appendingPathComponent("model.safetensors"))
    }
  }

  @Test(
    "what a rule of averaging folded into the base is merged with the factors, onto the common base"
  )
  func folded() throws {
    let two = try TwoAdapters()
    defer { try? FileManager.default.removeItem(at: two.folder) }
    let start = (0..<12).map { Float($0) / 4 }
    let change = (0..<12).map { Float(($0 * 5) % 7) - 3 }
    // The second part's base is as it was.
    try fold(change, into: two.parts[0], startingAt: start)
    let parts = try two.parts.map { try AdapterFolder($0) }
    for rule in [TaskMerging.uniform, .ties(density: 0.5, trim: .tensor)] {
      let adapter = try MergedAdapter(parts, rule: rule, space: .product) { _ in nil }
      let target = two.folder.appendingPathComponent("merged")
      _ = try adapter.write(to: target, replacing: true)
      let expected = rule.merge([
        zip(products[0], change).map { $0 + Double($1) }, products[1],
      ])
      for (x, y) in zip(try TwoAdapters.change(target).values, expected) {
        #expect(abs(x - y) < 1e-5)
      }
      let base = try Safetensors(
        data: Data(contentsOf: target.appendingPathComponent("base/model.safetensors")))
      #expect(base["fc.weight"]?.values == .float32(start))
    }
    #expect(throws: MergeError.self) {
      try MergedAdapter(parts, rule: .uniform, space: .factors) { _ in nil }
    }
    try FileManager.default.removeItem(at: two.folder.appendingPathComponent("base"))
    #expect(throws: MergeError.self) {
      try MergedAdapter(parts, rule: .uniform, space: .product) { _ in nil }
    }
  }
}
