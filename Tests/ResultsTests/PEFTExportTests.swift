// Exported adapters as a stranger reads them: safetensors and NumPy compute the forward pass anew.

import Analysis
import Federation
import Formatting
import Foundation
import Kernels
import Learning
import Presentation
import Scenarios
import Store
import Tensors
import TestSupport
import Testing

/// Whether `tools/setup --tests` has installed safetensors and NumPy for Python.
private let pythonCanRead = hasEnvironment(".venv-peft")

@Suite("PEFT folders")
struct PEFTExportTests {
  static func cases() throws -> [(String, MadeUpCase)] {
    [
      (
        "cnn, frozen A",
        MadeUpCase(
          data: #"{"name": "fashion-mnist"}"#, model: #"{"name": "cnn"}"#,
          adapter: #"{"type": "lora", "r": 4, "lora_alpha": 8, "target_modules": ["conv2", "fc"]}"#,
          architecture: try .cnn(height: 28, width: 28, channels: 1, classes: 10), sides: (1, 28))
      ),
      (
        "cnn in colour, all layers, ranks of their own",
        MadeUpCase(
          data: #"{"name": "cifar-10"}"#, model: #"{"name": "cnn"}"#,
          adapter: #"{"type": "lora", "r": 4, "lora_alpha": 8, "use_rslora": true, "#
            + #""target_modules": ["fc", "conv1", "conv2"], "layer_ranks": [2, 5, 3], "#
            + #""aggregation": "flexlora"}"#,
          architecture: try .cnn(height: 32, width: 32, channels: 3, classes: 10), sides: (3, 32))
      ),
      (
        "mlp, folded into the base",
        MadeUpCase(
          data: #"{"name": "synthetic", "synthetic": {"classes": 3, "features": 9}}"#,
          model: #"{"name": "mlp", "hidden": [8]}"#,
          adapter: #"{"type": "lora", "r": 2, "lora_alpha": 3, "target_modules": ["fc1", "fc2"], "#
            + #""aggregation": "fedex-lora"}"#,
          architecture: .mlp(inputs: 9, hidden: [8], classes: 3), sides: (1, 3), residual: true)
      ),
    ]
  }

  struct MadeUpCase {
    let data: String
    let model: String
    let adapter: String
    let architecture: Architecture
    /// Channels and side of the input as an image.
    let sides: (channels: Int, side: Int)
    var residual = false
  }

  @Test(
    "safetensors and NumPy reproduce the forward pass to 1e-5",
    .enabled(if: pythonCanRead, "tools/setup --tests installs safetensors for Python"))
  func forwardPass() async throws {
    for (name, test) in try Self.cases() {
      let made = try MadeUp(
        data: test.data, model: test.model, adapter: test.adapter, architecture: test.architecture,
        residual: test.residual)
      try await withFolder { folder in
        let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
        let run = try await made.store(in: store)
        let target = folder.appendingPathComponent("peft")
        _ = try PEFTExport(of: run, in: store).write(to: target)
        var stream = RandomStream(seed: 5, purpose: .test)
        let examples = (0..<3).map { _ in
          (0..<test.architecture.input.floatCount).map { _ in Float(stream.nextUnit()) }
        }
        // Channel-first, as PyTorch has images.
        let (channels, places) = (test.sides.channels, test.sides.side * test.sides.side)
        let turned = examples.map { example in
          (0..<channels).flatMap { c in (0..<places).map { example[$0 * channels + c] } }
        }
        let file = folder.appendingPathComponent("inputs.json")
        try JSONEncoder().encode(turned).write(to: file)
        let answer = try callTool(
          "peft-forward", [target.appendingPathComponent("model-0").path, file.path])
        #expect(answer.status == 0, "\(name)")
        let theirs = try JSONDecoder().decode([[Double]].self, from: answer.output)
        let ours = try made.logProbabilities(examples)
        #expect(theirs.count == ours.count)
        // Single precision against double: relative to the largest of an example's log-probabilities.
        for (theirs, ours) in zip(theirs, ours) {
          let size = max(1, ours.map(abs).max() ?? 1)
          for (a, b) in zip(theirs, ours) { #expect(abs(a - b) < 1e-5 * size, "\(name)") }
        }
        // The adapters matter: without them other numbers come out.
        let other = try callTool(
          "peft-forward", [target.appendingPathComponent("model-1").path, file.path])
        #expect(other.output != answer.output)
      }
    }
  }

  @Test("a folder for each used model, with PEFT's names and the facts of privacy")
  func contents() async throws {
    let test = try Self.cases()[0].1
    let made = try MadeUp(
      data: test.data, model: test.model, adapter: test.adapter, architecture: test.architecture)
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let run = try await made.store(in: store)
      let files = try PEFTExport(of: run, in: store).write(to: folder)
      #expect(files.count == 7)
      let card = try String(
        contentsOf: folder.appendingPathComponent("model-1/README.md"), encoding: .utf8)
      #expect(card.contains("library_name: peft") && card.contains("## Privacy"))
      #expect(card.contains("\n- Noise comes from the seed: whoever knows it"))
      #expect(card.contains("\n- Not meant for decisions"))
      let data = try Data(
        contentsOf: folder.appendingPathComponent("model-1/adapter_model.safetensors"))
      let stored = try Safetensors(data: data)
      #expect(
        stored.tensors.map(\.name) == [
          "base_model.model.conv2.lora_A.weight", "base_model.model.conv2.lora_B.weight",
          "base_model.model.fc.lora_A.weight", "base_model.model.fc.lora_B.weight",
        ])
      #expect(
        stored.tensors.map(\.shape) == [[4, 16, 5, 5], [32, 4, 1, 1], [4, 1568], [10, 4]])
      #expect(stored.metadata["epsilon"] == "4.9987" && stored.metadata["delta"] == "0.0001")
      #expect(stored.metadata["unit"] == "example" && stored.metadata["clients"] == "2,3")
      #expect(stored.metadata["noise_seed"] == "7")
      let text = try Data(contentsOf: folder.appendingPathComponent("model-1/adapter_config.json"))
      let config = try JSONValue(parsing: text)
      guard case .object(let members) = config else {
        Issue.record("the configuration is no object")
        return
      }
      #expect(members["r"] == 4 && members["lora_alpha"] == 8 && members["peft_type"] == "LORA")
      #expect(members["base_model_name_or_path"] == "../base")
    }
  }

  @Test("a kind that PEFT has not comes with all its settings, and its card does not promise PEFT")
  func ownKind() async throws {
    let test = try Self.cases()[2].1
    let settings =
      #"{"type": "mixture", "experts": 3, "r": 2, "lora_alpha": 4, "top_k": 2, "target_modules": ["fc1"]}"#
    let made = try MadeUp(
      data: test.data, model: test.model, adapter: settings, architecture: test.architecture)
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      _ = try PEFTExport(of: await made.store(in: store), in: store).write(to: folder)
      let config = try JSONValue(
        parsing: Data(
          contentsOf: folder.appendingPathComponent("model-1/adapter_config.json")))
      #expect(config["dpflsim_kind"] == "mixture" && config["peft_type"] == nil)
      let kept = config["dpflsim_settings"]
      #expect(kept?["experts"] == 3 && kept?["top_k"] == 2 && kept?["level"] == "token")
      #expect(kept?["temperature"] == 1)
      let card = try String(
        contentsOf: folder.appendingPathComponent("model-1/README.md"), encoding: .utf8)
      #expect(card.contains("library_name: dpflsim") && !card.contains("PeftModel"))
    }
  }

  @Test("a folder with the adapters of another run is refused, or emptied on request")
  func occupied() async throws {
    try await withFolder { folder in
      func model(_ name: String, of run: String) throws {
        let place = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        try Safetensors(tensors: [], metadata: ["run_id": run]).data()
          .write(to: place.appendingPathComponent("adapter_model.safetensors"))
      }
      func isThere(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
      }
      try AdapterFolders.prepare(folder.appendingPathComponent("new"), for: "a", replacing: false)
      try model("model-0", of: "a")
      try AdapterFolders.prepare(folder, for: "a", replacing: false)
      try model("model-1", of: "b")
      try model("models", of: "b")
      try Data("{}".utf8).write(to: folder.appendingPathComponent("inputs.json"))
      let error = #expect(throws: PEFTError.self) {
        try AdapterFolders.prepare(folder, for: "a", replacing: false)
      }
      #expect(error == .occupied(path: folder.path, run: "b") && isThere("model-1"))
      try AdapterFolders.prepare(folder, for: "a", replacing: true)
      // What is no export of ours stays.
      #expect(isThere("model-0") && isThere("models"))
      #expect(!isThere("model-1") && !isThere("inputs.json"))
    }
  }

  @Test("runs without adapters, unfinished runs and personal adapters are refused")
  func refusals() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let plain = try await Sample.store(Sample.result(), in: store)
      #expect(throws: PEFTError.noAdapter(id: plain.run.runID)) {
        _ = try PEFTExport(of: plain.run, in: store)
      }
      let begun = try Sample.recorder(in: store)
      let unfinished = try store.run(named: begun.runID)
      #expect(throws: PEFTError.notFinished(id: begun.runID)) {
        _ = try PEFTExport(of: unfinished, in: store)
      }
      let test = try Self.cases()[2].1
      let personal = try MadeUp(
        data: test.data, model: test.model,
        adapter: test.adapter.replacingOccurrences(of: "fedex-lora", with: "fedsa-lora"),
        architecture: test.architecture)
      let run = try await personal.store(in: store)
      #expect(throws: PEFTError.personalFactors(id: run.runID)) {
        _ = try PEFTExport(of: run, in: store)
      }
    }
  }
}
