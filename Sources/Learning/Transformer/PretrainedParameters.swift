// The parameters of a language model from named tensors of a pretrained one.

import Kernels

extension Architecture {
  /// The flat vector of a model: tensors of the pretrained model by name, fresh ones (the head)
  /// from the seed.
  ///
  /// - Parameter tensor: values row-major as the file has them, nil for a tensor that it does not
  ///   have. GPT-2's files hold linear weights as [in, out]; they are turned here.
  /// - Throws: `ArchitectureError` for a tensor of another size.
  public func parameters(
    seed: UInt64, pretrained tensor: (String) -> ArraySlice<Float>?
  ) throws(ArchitectureError) -> [Float] {
    var parameters = initialParameters(seed: seed)
    let turned = Set(
      layers.compactMap { $0 as? DecoderBlockSpec }.flatMap { $0.hosts.map(\.weight) })
    for slot in slots {
      guard let values = tensor(slot.name) else { continue }
      guard values.count == slot.count else {
        throw ArchitectureError(
          description: "model.path: \(slot.name) has \(values.count) values and the model's sizes "
            + "ask for \(slot.count); use the configuration that belongs to the weights")
      }
      guard turned.contains(slot.name) else {
        parameters.replaceSubrange(slot.range, with: values)
        continue
      }
      for row in 0..<slot.rows {
        for column in 0..<slot.columns {
          parameters[slot.offset + row * slot.columns + column] =
            values[values.startIndex + column * slot.rows + row]
        }
      }
    }
    return parameters
  }
}
