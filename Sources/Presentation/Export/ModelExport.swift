// The whole models of a finished run as safetensors files in PyTorch's layout, each with a model card, for runs that adapt
// nothing.

import Datasets
import Federation
public import Foundation
import Scenarios
public import Store
import Tensors

public struct ModelExport: Sendable {
  private let models: [(index: Int, tensors: Safetensors, card: String)]
  /// What a row must become to be an input, and what each output is called; nil where classes are numbers.
  private let inputs: JSONValue?

  /// Reads the models that a run's clients use.
  ///
  /// - Throws: `PEFTError`, `StoreError`, `SafetensorsError`.
  public init(of run: RunRecord, in store: RunStore) throws {
    guard let result = try store.result(of: run) else { throw PEFTError.notFinished(id: run.runID) }
    let scenario = try store.scenario(of: run)
    guard scenario.adapter == nil else { throw PEFTError.hasAdapter(id: run.runID) }
    guard scenario.modelPath == nil, !scenario.model.isDecoder else {
      throw PEFTError.wholeLanguageModel(id: run.runID)
    }
    let files = try ModelFiles(of: run, result, in: store)
    inputs = try store.start(of: run)?.partition.exportedInputs
    let layouts = try TorchLayout.layouts(of: scenario)
    let metadata = PEFTExport.metadata(run, result, of: scenario)
    models = try files.used.map { index in
      let file = try files.model(index)
      let tensors = file.tensors.map { tensor in
        guard tensor.name.hasSuffix(".weight") else { return tensor }
        let host = String(tensor.name.dropLast(".weight".count))
        return layouts[host]?.weight(tensor, name: tensor.name) ?? tensor
      }
      let own = files.metadata(of: index, beside: metadata)
      let card = ModelCard(
        run: run, result: result, scenario: scenario, model: index, base: nil, isPEFT: false)
      return (index, try Safetensors(tensors: tensors, metadata: own), card.text)
    }
  }

  /// Writes a folder for each model.
  ///
  /// - Returns: the files.
  /// - Throws: `StoreError.cannotWrite`, `SafetensorsError`.
  public func write(to folder: URL) throws -> [URL] {
    var files = ExportedFiles(in: folder)
    if let inputs { try files.put(inputs, "inputs.json") }
    for model in models {
      try files.put(model.tensors.data(), "model-\(model.index)", "model.safetensors")
      try files.put(Data(model.card.utf8), "model-\(model.index)", "README.md")
    }
    return files.written
  }
}

extension PartitionReport {
  /// What a row or an image must become to be an input, and what classes are called; nil where classes are numbers and
  /// inputs no images.
  var exportedInputs: JSONValue? {
    guard classNames != nil || pixels != nil else { return nil }
    var members: [String: JSONValue] = [
      "classes": classNames.map { .array($0.map { .string($0) }) } ?? .null,
      "table": table.map { Self.withoutCounts(TableText($0).document) } ?? .null,
    ]
    if let pixels {
      // (byte / divisor − mean) / standard deviation, laid out as PyTorch has images.
      members["pixels"] = [
        "height": .integer(pixels.height), "width": .integer(pixels.width),
        "channels": .integer(pixels.channels), "order": "channel, row, column", "divisor": 255,
        "mean": .number(Double(pixels.normalization.mean)),
        "standard_deviation": .number(Double(pixels.normalization.standardDeviation)),
      ]
    }
    return .object(members)
  }

  /// How many rows were left out is nobody's business who applies a model.
  private static func withoutCounts(_ document: JSONValue) -> JSONValue {
    guard case .object(var members) = document else { return document }
    members["rows_without_label"] = nil
    members["repeated_rows"] = nil
    return .object(members)
  }
}
