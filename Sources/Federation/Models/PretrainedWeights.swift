// A base model from a file of the user's: safetensors in PyTorch's layout, or as a run stored it.

import Foundation
import Learning
import Scenarios
import Tensors

extension Scenario {
  /// The parameters that `model.path` holds for a model of images or tables; nil without it.
  ///
  /// - Throws: `ArchitectureError` that names the file and the first tensor that is missing, surplus, of another shape
  ///   or not finite.
  func ownWeights(of architecture: Architecture) throws(ArchitectureError) -> [Float]? {
    guard let path = weightsPath else { return nil }
    func problem(_ what: String, _ fix: String) -> ArchitectureError {
      ArchitectureError(description: "model.path: \(path) \(what); \(fix)")
    }
    let file: Safetensors
    do {
      file = try Safetensors(data: Data(contentsOf: URL(fileURLWithPath: path)))
    } catch let error as SafetensorsError {
      throw problem("is no usable safetensors file: \(error)", "write it anew")
    } catch {
      throw problem("cannot be read", "put the file there or name another path")
    }
    let layouts =
      file.metadata["format"] == "dpflsim" ? [:] : TorchLayout.layouts(of: architecture)
    var parameters = [Float](repeating: 0, count: architecture.parameterCount)
    for slot in architecture.slots {
      let host = slot.name.hasSuffix(".weight") ? String(slot.name.dropLast(7)) : slot.name
      let layout = layouts[host]
      let shape =
        slot.columns == 1
        ? [slot.rows]
        : layout?.shape(rows: slot.rows, columns: slot.columns) ?? [slot.rows, slot.columns]
      guard let tensor = file[slot.name] else {
        throw problem(
          "has no tensor \(slot.name)",
          "the model has \(architecture.slots.map(\.name).joined(separator: ", "))")
      }
      guard tensor.shape == shape, case .float32(let values) = tensor.values else {
        throw problem(
          "has \(slot.name) of shape \(tensor.shape), and the model one of \(shape) in 32 or 16 bits",
          "give weights of this model for these data")
      }
      guard values.allSatisfy(\.isFinite) else {
        throw problem("has values in \(slot.name) that are no numbers", "give other weights")
      }
      parameters.replaceSubrange(
        slot.range, with: layout?.values(ofTorch: values, rows: slot.rows) ?? values)
    }
    let known = Set(architecture.slots.map(\.name))
    if let surplus = file.tensors.first(where: { !known.contains($0.name) }) {
      throw problem(
        "has a tensor \(surplus.name) that the model lacks",
        "give the weights of this model alone")
    }
    return parameters
  }
}
