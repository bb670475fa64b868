// Inner products of low-rank changes of weights, without the changes themselves.

public import Kernels

extension TrainingPlan {
  /// ⟨τ_i, τ_j⟩ of the changes of weights that vectors θ of this plan stand for: s² tr((A_j A_iᵀ)(B_iᵀ B_j)) summed over
  /// the adapted layers, and plain products for what is trained whole beside them. It does not change when a
  /// vector's factors do at equal product (A → R A, B → B R⁻¹).
  ///
  /// - Parameters:
  ///   - trainable: θ of each, with low-rank factors both of which are trained.
  ///   - start: θ of all at the start, where B = 0.
  /// - Returns: n × n.
  public func productGram(of trainable: [[Float]], from start: [Float]) -> Matrix {
    let count = trainable.count
    let layers = adaptedLayers
    let factors = Set(layers.flatMap { [$0.a.name, $0.b.name] })
    let whole = slots.filter { !factors.contains($0.name) }
    var gram = Matrix(rows: count, columns: count)
    for first in 0..<count {
      for second in 0...first {
        var sum = 0.0
        for layer in layers {
          sum += Self.product(trainable[first], trainable[second], of: layer)
        }
        for slot in whole {
          for place in slot.range {
            let base = Double(start[place])
            sum +=
              (Double(trainable[first][place]) - base) * (Double(trainable[second][place]) - base)
          }
        }
        gram[first, second] = sum
        gram[second, first] = sum
      }
    }
    return gram
  }

  private static func product(
    _ first: [Float], _ second: [Float], of layer: AdaptedLayer
  ) -> Double {
    let rank = layer.rank
    var sum = 0.0
    for k in 0..<rank {
      for l in 0..<rank {
        var (rows, columns) = (0.0, 0.0)
        for column in 0..<layer.columns {
          rows +=
            Double(first[layer.a.offset + k * layer.columns + column])
            * Double(second[layer.a.offset + l * layer.columns + column])
        }
        for row in 0..<layer.rows {
          columns +=
            Double(first[layer.b.offset + row * rank + k])
            * Double(second[layer.b.offset + row * rank + l])
        }
        sum += rows * columns
      }
    }
    return layer.scale * layer.scale * sum
  }
}
