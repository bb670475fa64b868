// Exported kinds on layers of images: PEFT's formula on the adapter's file gives the merged model that lies beside it.

import Foundation
import Learning
import Presentation
import Store
import Tensors
import Testing

@Suite("Exported kinds on images")
struct KindLayoutTests {
  /// A model of a run on `cnn` with made-up numbers: the adapter's file, the base and the merged model.
  private struct Exported {
    let adapter: Safetensors
    let base: Safetensors
    let merged: Safetensors

    init(_ settings: String, in folder: URL, deviation: Double = 0.1) async throws {
      let made = try MadeUp(
        data: #"{"name": "fashion-mnist"}"#, model: #"{"name": "cnn"}"#, adapter: settings,
        architecture: .cnn(height: 28, width: 28, channels: 1, classes: 10), deviation: deviation)
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      _ = try PEFTExport(of: await made.store(in: store), in: store).write(to: folder)
      func file(_ name: String) throws -> Safetensors {
        try Safetensors(data: Data(contentsOf: folder.appendingPathComponent(name)))
      }
      adapter = try file("model-0/adapter_model.safetensors")
      base = try file("base/model.safetensors")
      merged = try file("model-0/merged/model.safetensors")
    }

    static func floats(_ file: Safetensors, _ name: String) throws -> [Float] {
      guard case .float32(let values) = try #require(file[name], "\(name)").values else {
        return []
      }
      return values
    }

    func own(_ name: String, prefix: String = "base_model.model.fc.") throws -> [Float] {
      try Self.floats(adapter, prefix + name)
    }
  }

  private static let (rows, columns) = (10, 1568)

  /// The weight of `fc` by PEFT's formula of the kind.
  private func weight(_ kind: String, _ exported: Exported) throws -> [Float] {
    var weight = try Exported.floats(exported.base, "fc.weight")
    let (rows, columns) = (Self.rows, Self.columns)
    switch kind {
    case "ia3":
      let scales = try exported.own("ia3_l")
      for place in weight.indices { weight[place] *= scales[place % columns] }
    case "sparse":
      let values = try exported.own("shira_weight")
      guard
        case .int32(let indices) = try #require(
          exported.adapter["base_model.model.fc.shira_indices"]
        ).values
      else { return [] }
      for (k, value) in values.enumerated() {
        weight[Int(indices[k]) * columns + Int(indices[values.count + k])] += value
      }
    case "vera":
      let (b, d) = (try exported.own("vera_lambda_b"), try exported.own("vera_lambda_d"))
      let a = try exported.own("vera_A", prefix: "base_model.")
      let right = try exported.own("vera_B", prefix: "base_model.")
      for row in 0..<rows {
        for column in 0..<columns {
          for k in d.indices {
            weight[row * columns + column] +=
              b[row] * right[row * d.count + k] * d[k] * a[k * columns + column]
          }
        }
      }
    default:
      let (a, b) = (try exported.own("lora_A.weight"), try exported.own("lora_B.weight"))
      for row in 0..<rows {
        for column in 0..<columns {
          for k in 0..<2 {
            weight[row * columns + column] += 2 * b[row * 2 + k] * a[k * columns + column]
          }
        }
      }
    }
    return weight
  }

  @Test(
    "the adapter on the base is the merged model",
    arguments: [
      #"{"type": "ia3", "target_modules": ["fc"], "feedforward_modules": ["fc"]}"#,
      #"{"type": "sparse", "r": 1, "target_modules": ["fc"]}"#,
      #"{"type": "vera", "r": 3, "target_modules": ["fc"]}"#,
      #"{"type": "lorta", "r": 2, "lora_alpha": 4, "heads": 2, "trained": "all", "target_modules": ["fc"]}"#,
    ])
  func formula(_ settings: String) async throws {
    try await withFolder { folder in
      let exported = try await Exported(settings, in: folder)
      let kind = settings.split(separator: "\"")[3]
      let merged = try Exported.floats(exported.merged, "fc.weight")
      let found = try weight(String(kind), exported)
      #expect(merged != (try Exported.floats(exported.base, "fc.weight")))
      for (a, b) in zip(found, merged) where abs(a - b) > 1e-5 {
        Issue.record("\(kind): \(a) \(b)")
        return
      }
    }
  }

  @Test("layers that were trained whole lie as PyTorch has them, in files of our names too")
  func whole() async throws {
    try await withFolder { folder in
      let exported = try await Exported(
        #"{"type": "random-projection", "r": 3, "modules_to_save": ["conv2", "fc"]}"#, in: folder)
      for (name, shape) in [("conv2.weight", [32, 16, 5, 5]), ("fc.weight", [10, 1568])] {
        let own = try #require(exported.adapter[name])
        #expect(own.shape == shape && own.values == exported.merged[name]?.values)
      }
    }
  }

  @Test(
    "without closed rows and columns a layer of gates is as large as what is open, and the same matrix"
  )
  func gates() async throws {
    try await withFolder { folder in
      let exported = try await Exported(
        #"{"type": "finegates", "target_modules": ["conv2", "fc"]}"#, in: folder, deviation: 1)
      let file = try Safetensors(
        data: Data(
          contentsOf: folder.appendingPathComponent("model-0/compressed.safetensors")))
      for (name, rows, columns) in [("conv2", 32, 400), ("fc", 10, 1568)] {
        guard case .int32(let open)? = file["\(name).rows"]?.values,
          case .int32(let read)? = file["\(name).columns"]?.values
        else {
          Issue.record("no places")
          return
        }
        // Made-up logits close some gates and leave others open.
        #expect(open.count <= rows && read.count < columns && !open.isEmpty && !read.isEmpty)
        #expect(file["\(name).weight"]?.shape == [open.count, read.count])
        let small = try Exported.floats(file, "\(name).weight")
        var weight = [Float](repeating: 0, count: rows * columns)
        for (i, row) in open.enumerated() {
          for (k, column) in read.enumerated() {
            weight[Int(row) * columns + Int(column)] = small[i * read.count + k]
          }
        }
        #expect(weight == (try Exported.floats(exported.merged, "\(name).weight")))
        let left = try #require(file.metadata["\(name).multiply_adds_left"].flatMap(Double.init))
        #expect(abs(left - Double(open.count * read.count) / Double(rows * columns)) < 1e-12)
      }
    }
  }

  @Test("a mask that PEFT has no kind for comes with its places")
  func mask() async throws {
    try await withFolder { folder in
      let exported = try await Exported(
        #"{"type": "sparse", "r": 1, "target_modules": ["conv2"]}"#, in: folder)
      guard case .int32(let places)? = exported.adapter["conv2.shira_indices"]?.values,
        case .float32(let values)? = exported.adapter["conv2.shira_weight"]?.values
      else {
        Issue.record("no places")
        return
      }
      var weight = try Exported.floats(exported.base, "conv2.weight")
      for (k, value) in values.enumerated() {
        weight[Int(places[k]) * 400 + Int(places[values.count + k])] += value
      }
      #expect(weight == (try Exported.floats(exported.merged, "conv2.weight")))
    }
  }
}
