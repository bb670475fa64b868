// What a model learned outside of its adapter: some rules of averaging fold changes into the frozen weights, and then
// every model has a base of its own beside its adapter.

import Foundation
import Kernels
import Tensors

/// The base of one model, apart from what was folded into it.
struct FoldedBase {
  /// The base that the run began from.
  let start: URL
  /// What was folded into the weights of the adapted layers, as PyTorch has them.
  let changes: [String: Matrix]

  /// Nil where the folder's base is as it was.
  ///
  /// - Throws: `MergeError` where it is not known what it was, or something else was changed too.
  init?(_ folder: AdapterFolder) throws {
    guard !folder.hasOwnLanguageModel else {
      throw MergeError(
        "\(folder.name): its rule of averaging changed the pretrained weights of its model, and such models are not "
          + "merged; use fedit or ffa-lora")
    }
    guard let file = folder.baseFile else { return nil }
    // A base that nothing was folded into knows no result; pretrained ones are large, and their headers say it.
    guard try SafetensorsFile(file: file).metadata["result_digest"] != nil else { return nil }
    guard let data = try? Data(contentsOf: file) else {
      throw MergeError("\(folder.name): its base \(file.path) cannot be read; export the run again")
    }
    let base = try Safetensors(data: data)
    start = folder.sharedBaseFile
    guard let data = try? Data(contentsOf: start) else {
      throw MergeError(
        "\(folder.name): its rule of averaging changed the base beside it, and what that was is not in "
          + "\(start.path); export the run again")
    }
    let before = try Safetensors(data: data)
    var changes: [String: Matrix] = [:]
    for tensor in base.tensors {
      guard case .float32(let now) = tensor.values,
        case .float32(let old)? = before[tensor.name]?.values, old.count == now.count
      else {
        throw MergeError("\(folder.name): its base and \(start.path) are of different models")
      }
      guard now != old else { continue }
      let name = String(tensor.name.dropLast(".weight".count))
      guard tensor.name.hasSuffix(".weight"), let layer = folder.layers[name] else {
        throw MergeError(
          "\(folder.name): its base differs from \(start.path) in \(tensor.name), which the adapter leaves alone"
        )
      }
      changes[name] = Matrix(
        rows: layer.b.rows, columns: layer.a.columns,
        elements: zip(now, old).map { Double($0) - Double($1) })
    }
    self.changes = changes
  }
}
