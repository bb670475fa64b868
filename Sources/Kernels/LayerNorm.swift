// Layer normalisation of rows (Ba, Kiros, Hinton 2016): y = γ·(x − mean)/√(var + ε) + β with the
// variance of the population, in two passes, since ε may be 1e-12.

@inline(__always)
private func sum(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
  var a = SIMD8<Float>()
  var b = a
  var i = 0
  while i &+ 16 <= count {
    a += load8(x + i)
    b += load8(x + i + 8)
    i &+= 16
  }
  var total = (a + b).sum()
  while i < count {
    total += x[i]
    i &+= 1
  }
  return total
}

public enum LayerNorm {
  /// Normalises `rows` rows.
  ///
  /// - Parameters:
  ///   - input: `rows × width`; with `residual`, the sum of both is normalised.
  ///   - output: γ·x̂ + β; may be `input`.
  ///   - normalized: takes x̂, for the gradient; may be `input`.
  ///   - inverse: takes 1/√(var + ε) of each row.
  public static func forward(
    rows: Int, width: Int, epsilon: Float, input: FloatBuffer, residual: FloatBuffer?,
    gamma: FloatBuffer, beta: FloatBuffer, output: FloatBuffer, normalized: FloatBuffer,
    inverse: FloatBuffer
  ) {
    for buffer in [input, output, normalized] { buffer.check(0, rows * width) }
    residual?.check(0, rows * width)
    gamma.check(0, width)
    beta.check(0, width)
    inverse.check(0, rows)
    guard width > 0 else { return }
    for row in 0..<rows {
      let x = input.base + row &* width
      let hat = normalized.base + row &* width
      let y = output.base + row &* width
      if let residual {
        let r = residual.base + row &* width
        forEach8(width) { i in
          store8(load8(x + i) + load8(r + i), hat + i)
        } rest: { i in
          hat[i] = x[i] + r[i]
        }
      } else if hat != x {
        hat.update(from: x, count: width)
      }
      let mean = sum(hat, width) / Float(width)
      let centre = SIMD8<Float>(repeating: mean)
      var squares = SIMD8<Float>()
      var tail: Float = 0
      forEach8(width) { i in
        let d = load8(hat + i) - centre
        store8(d, hat + i)
        squares = squares.fused(d, d)
      } rest: { i in
        hat[i] -= mean
        tail = tail.fused(hat[i], hat[i])
      }
      let scale = 1 / ((squares.sum() + tail) / Float(width) + epsilon).squareRoot()
      inverse.base[row] = scale
      let (g, b) = (gamma.base, beta.base)
      forEach8(width) { i in
        let h = load8(hat + i) * scale
        store8(h, hat + i)
        store8(load8(b + i).fused(h, load8(g + i)), y + i)
      } rest: { i in
        let h = hat[i] * scale
        hat[i] = h
        y[i] = b[i].fused(h, g[i])
      }
    }
  }

  /// ∂loss/∂x of rows from ∂loss/∂y: (γe − mean(γe) − x̂·mean(γe·x̂))/√(var + ε).
  ///
  /// - Parameters:
  ///   - adding: whether the result is added to `inputGradient` instead of replacing it.
  public static func backward(
    rows: Int, width: Int, gradient: FloatBuffer, gamma: FloatBuffer, normalized: FloatBuffer,
    inverse: FloatBuffer, inputGradient: FloatBuffer, adding: Bool
  ) {
    for buffer in [gradient, normalized, inputGradient] { buffer.check(0, rows * width) }
    gamma.check(0, width)
    inverse.check(0, rows)
    guard width > 0 else { return }
    let g = gamma.base
    for row in 0..<rows {
      let e = gradient.base + row &* width
      let hat = normalized.base + row &* width
      let target = inputGradient.base + row &* width
      var (plain, projected) = (SIMD8<Float>(), SIMD8<Float>())
      var (plainTail, projectedTail) = (Float(0), Float(0))
      forEach8(width) { i in
        let v = load8(e + i) * load8(g + i)
        plain += v
        projected = projected.fused(v, load8(hat + i))
      } rest: { i in
        let v = e[i] * g[i]
        plainTail += v
        projectedTail = projectedTail.fused(v, hat[i])
      }
      let mean = (plain.sum() + plainTail) / Float(width)
      let slope = (projected.sum() + projectedTail) / Float(width)
      let scale = inverse.base[row]
      forEach8(width) { i in
        let v = (load8(e + i) * load8(g + i) - mean) - load8(hat + i) * slope
        store8(adding ? load8(target + i) + v * scale : v * scale, target + i)
      } rest: { i in
        let v = ((e[i] * g[i] - mean) - hat[i] * slope) * scale
        target[i] = adding ? target[i] + v : v
      }
    }
  }

  /// Σ over rows of e·x̂ and of e: the gradients of γ and β of one example.
  ///
  /// - Parameter sums: takes `2 · width` floats at `offset`: γ's, then β's.
  public static func parameterGradient(
    rows: Range<Int>, width: Int, gradient: FloatBuffer, normalized: FloatBuffer,
    into sums: FloatBuffer, at offset: Int
  ) {
    gradient.check(rows.lowerBound * width, rows.count * width)
    normalized.check(rows.lowerBound * width, rows.count * width)
    sums.clear(at: offset, count: 2 * width)
    let gammas = sums.base + offset
    let betas = gammas + width
    for row in rows {
      let e = gradient.base + row &* width
      let hat = normalized.base + row &* width
      forEach8(width) { i in
        store8(load8(gammas + i).fused(load8(e + i), load8(hat + i)), gammas + i)
        store8(load8(betas + i) + load8(e + i), betas + i)
      } rest: { i in
        gammas[i] = gammas[i].fused(e[i], hat[i])
        betas[i] += e[i]
      }
    }
  }
}

/// Calls `body` for whole vectors of eight, then `rest` for what is left over.
@inline(__always)
func forEach8(_ count: Int, _ body: (Int) -> Void, rest: (Int) -> Void) {
  var i = 0
  while i &+ 8 <= count {
    body(i)
    i &+= 8
  }
  while i < count {
    rest(i)
    i &+= 1
  }
}
