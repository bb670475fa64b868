// A base model from the user's file: both layouts, and what is refused.

import Federation
import Foundation
import Learning
import Scenarios
import Tensors
import Testing

@Suite("Own weights")
struct OwnWeightsTests {
  private func scenario(_ path: String) throws -> Scenario {
    try Scenario(
      json: Data(
        """
        {"name": "w", "rounds": 1, "data": {"name": "fashion-mnist"},
         "model": {"name": "cnn", "path": "\(path)"},
         "population": {"clusters": [{"name": "a", "clients": 2, "examples_per_client": 50}]},
         "local": {"batch_size": 10, "learning_rate": 0.1},
         "privacy": {"target_epsilon": null}, "method": {"name": "global"}}
        """.utf8))
  }

  private func withFile(
    _ file: Safetensors, _ body: (String) throws -> Void
  ) throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).safetensors")
    defer { try? FileManager.default.removeItem(at: url) }
    try file.data().write(to: url)
    try body(url.path)
  }

  private let architecture = Result {
    try Architecture.cnn(height: 28, width: 28, channels: 1, classes: 10)
  }

  private func tensors(_ values: [Float], torch: Bool) throws -> [Safetensors.Tensor] {
    let architecture = try architecture.get()
    let layouts = TorchLayout.layouts(of: architecture)
    return architecture.slots.map { slot in
      let tensor = Safetensors.Tensor(
        name: slot.name, shape: slot.columns == 1 ? [slot.rows] : [slot.rows, slot.columns],
        values: .float32(Array(values[slot.range])))
      guard torch, slot.name.hasSuffix(".weight") else { return tensor }
      return layouts[String(slot.name.dropLast(7))]?.weight(tensor, name: slot.name) ?? tensor
    }
  }

  @Test("both layouts give the parameters that were written", arguments: [true, false])
  func layouts(torch: Bool) throws {
    let architecture = try architecture.get()
    let values = (0..<architecture.parameterCount).map { Float($0) }
    let file = try Safetensors(
      tensors: tensors(values, torch: torch), metadata: ["format": torch ? "pt" : "dpflsim"])
    try withFile(file) { path in
      let read = try scenario(path).pretrainedParameters(of: architecture)
      #expect(read == values)
    }
  }

  @Test("what is missing, surplus, of another shape or no number is named")
  func refused() throws {
    let architecture = try architecture.get()
    let values = [Float](repeating: 0.5, count: architecture.parameterCount)
    let whole = try tensors(values, torch: true)
    var missing = whole
    missing.removeAll { $0.name == "conv2.weight" }
    var infinite = values
    infinite[0] = .infinity
    let cases: [([Safetensors.Tensor], String)] = [
      (missing, "has no tensor conv2.weight"),
      (
        whole + [Safetensors.Tensor(name: "bn.weight", shape: [1], values: .float32([1]))],
        "has a tensor bn.weight that the model lacks"
      ),
      (try tensors(values, torch: false), "of shape"),
      (try tensors(infinite, torch: true), "are no numbers"),
    ]
    for (tensors, message) in cases {
      try withFile(Safetensors(tensors: tensors, metadata: ["format": "pt"])) { path in
        let error = #expect(throws: ArchitectureError.self) {
          try scenario(path).pretrainedParameters(of: architecture)
        }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "none")")
      }
    }
    let error = #expect(throws: ArchitectureError.self) {
      try scenario("/nowhere.safetensors").pretrainedParameters(of: architecture)
    }
    #expect(error?.description.contains("cannot be read") == true)
  }

  @Test("a base and pretraining exclude one another")
  func exclusive() throws {
    let error = #expect(throws: ScenarioError.self) {
      try Scenario(
        json: Data(
          """
          {"name": "w", "rounds": 1, "data": {"name": "fashion-mnist"},
           "model": {"name": "cnn", "path": "x", "pretraining": {"epochs": 1, "learning_rate": 0.1}},
           "population": {"clusters": [{"name": "a", "clients": 2, "examples_per_client": 50}]},
           "local": {"batch_size": 10, "learning_rate": 0.1},
           "privacy": {"target_epsilon": null}, "method": {"name": "global"}}
          """.utf8))
    }
    #expect(error.map { "\($0)" }?.contains("pretraining would replace") == true)
  }
}
