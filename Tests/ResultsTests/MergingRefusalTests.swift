// What is not merged: changes of other weights, doubtful guarantees, other layers; and folders that are not written over.

import Analysis
import Foundation
import Learning
import Tensors
import Testing

@Suite("Refused merges")
struct MergingRefusalTests {
  @Test(
    "a change of other weights is refused: bases are compared by what they hold, not by what they are called"
  )
  func bases() throws {
    let two = try TwoAdapters()
    defer { try? FileManager.default.removeItem(at: two.folder) }
    for (k, part) in two.parts.enumerated() {
      let config = part.appendingPathComponent("adapter_config.json")
      let text = try String(contentsOf: config, encoding: .utf8)
      try Data(text.replacing("../base", with: "../base-\(k)").utf8).write(to: config)
    }
    func merge() throws -> MergedAdapter {
      try MergedAdapter(
        two.parts.map { try AdapterFolder($0) }, rule: .uniform, space: .product
      ) { _ in nil }
    }
    func write(_ values: [Float], base: Int) throws {
      let folder = two.folder.appendingPathComponent("base-\(base)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Safetensors(
        tensors: [
          Safetensors.Tensor(name: "fc.weight", shape: [3, 4], values: .float32(values))
        ], metadata: ["run_id": "run-\(base)"]
      ).data().write(to: folder.appendingPathComponent("model.safetensors"))
    }
    // Neither is here, and they are called differently.
    #expect(throws: MergeError.self) { try merge() }
    try write([Float](repeating: 1, count: 12), base: 0)
    #expect(throws: MergeError.self) { try merge() }
    try write([Float](repeating: 1, count: 12), base: 1)
    _ = try merge()
    try write([Float](repeating: 1.5, count: 12), base: 1)
    let error = #expect(throws: MergeError.self) { try merge() }
    #expect(try #require(error).description.contains("part-1: stands on another base model"))
  }

  @Test(
    "an ε that is none, or less than the run stated, is refused; so is a folder that holds an adapter"
  )
  func doubts() throws {
    let two = try TwoAdapters()
    defer { try? FileManager.default.removeItem(at: two.folder) }
    let parts = try two.parts.map { try AdapterFolder($0) }
    func merge(stored: Double?) throws -> MergedAdapter {
      try MergedAdapter(
        parts, rule: .uniform, space: .product, epsilon: { _ in stored }, data: { _ in nil })
    }
    // They state 2 and 3.
    #expect(try merge(stored: 2).privacy.epsilon == 5)
    #expect(throws: MergeError.self) { try merge(stored: 2.5) }
    #expect(throws: MergeError.self) {
      try MergedAdapter(parts, rule: .uniform, space: .factors, rank: 1) { _ in nil }
    }
    let target = two.folder.appendingPathComponent("merged")
    let merged = try merge(stored: nil)
    let files = try merged.write(to: target)
    #expect(files.contains { $0.lastPathComponent == "README.md" })
    #expect(throws: MergeError.self) { try merged.write(to: target) }
    // Of an encoder's adapter that lay there.
    let classifier = target.appendingPathComponent("classifier.safetensors")
    try Data("another's".utf8).write(to: classifier)
    _ = try merged.write(to: target, replacing: true)
    #expect(!FileManager.default.fileExists(atPath: classifier.path))
    let file = two.parts[0].appendingPathComponent("adapter_model.safetensors")
    let part = try Safetensors(data: Data(contentsOf: file))
    for epsilon in ["-3", "nan", "inf"] {
      try Safetensors(
        tensors: part.tensors, metadata: part.metadata.merging(["epsilon": epsilon]) { $1 }
      ).data().write(to: file)
      #expect(throws: MergeError.self) {
        try MergedAdapter(
          two.parts.map { try AdapterFolder($0) }, rule: .uniform, space: .product
        ) { _ in nil }
      }
    }
    try Data("no tensors".utf8).write(to: file)
    let error = #expect(throws: MergeError.self) { try AdapterFolder(two.parts[0], name: "mine") }
    #expect(try #require(error).description.hasPrefix("mine: adapter_model.safetensors: "))
  }

  @Test("what does not go together is refused with its folder")
  func refusals() throws {
    let two = try TwoAdapters()
    defer { try? FileManager.default.removeItem(at: two.folder) }
    let first = try AdapterFolder(two.parts[0])
    #expect(throws: MergeError.self) {
      try MergedAdapter([first], rule: .uniform, space: .product) { _ in nil }
    }
    #expect(throws: MergeError.self) { try AdapterFolder(two.folder) }
    let config = two.parts[1].appendingPathComponent("adapter_config.json")
    try Data(#"{"peft_type": "IA3"}"#.utf8).write(to: config)
    #expect(throws: MergeError.self) { try AdapterFolder(two.parts[1]) }
  }
}
