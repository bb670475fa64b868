// Elementary functions in double precision, by the arithmetic of the process. Whatever decides a result takes
// these and not the C library's.

import RealModule

public enum Elementary {
  /// eˣ.
  public static func exp(_ x: Double) -> Double {
    Arithmetic.isPortable ? PortableExponential.exp(x) : Double.exp(x)
  }

  /// eˣ − 1.
  public static func expMinusOne(_ x: Double) -> Double {
    Arithmetic.isPortable ? PortableExponential.expMinusOne(x) : Double.expMinusOne(x)
  }

  /// ln x.
  public static func log(_ x: Double) -> Double {
    Arithmetic.isPortable ? PortableExponential.log(x) : Double.log(x)
  }

  /// ln(1 + x).
  public static func log(onePlus x: Double) -> Double {
    Arithmetic.isPortable ? PortableExponential.log(onePlus: x) : Double.log(onePlus: x)
  }

  /// x^y for x ≥ 0.
  public static func pow(_ x: Double, _ y: Double) -> Double {
    Arithmetic.isPortable ? PortableExponential.pow(x, y) : Double.pow(x, y)
  }

  public static func tanh(_ x: Double) -> Double {
    Arithmetic.isPortable ? PortableExponential.tanh(x) : Double.tanh(x)
  }

  public static func sin(_ x: Double) -> Double {
    Arithmetic.isPortable ? PortableTrigonometry.sin(x) : Double.sin(x)
  }

  public static func cos(_ x: Double) -> Double {
    Arithmetic.isPortable ? PortableTrigonometry.cos(x) : Double.cos(x)
  }

  /// The angle of the point (x, y).
  public static func atan2(y: Double, x: Double) -> Double {
    Arithmetic.isPortable ? PortableTrigonometry.atan2(y: y, x: x) : Double.atan2(y: y, x: x)
  }

  public static func erf(_ x: Double) -> Double {
    Arithmetic.isPortable ? PortableErrorFunction.erf(x) : Double.erf(x)
  }

  /// 1 − erf x.
  public static func erfc(_ x: Double) -> Double {
    Arithmetic.isPortable ? PortableErrorFunction.erfc(x) : Double.erfc(x)
  }

  /// ln Γ(x) for x > 0.
  public static func logGamma(_ x: Double) -> Double {
    Arithmetic.isPortable ? PortableErrorFunction.logGamma(x) : Double.logGamma(x)
  }

  // Single precision, by way of double precision in portable arithmetic.

  public static func exp(single x: Float) -> Float {
    Arithmetic.isPortable ? Float(PortableExponential.exp(Double(x))) : Float.exp(x)
  }

  public static func log(single x: Float) -> Float {
    Arithmetic.isPortable ? Float(PortableExponential.log(Double(x))) : Float.log(x)
  }

  public static func tanh(single x: Float) -> Float {
    Arithmetic.isPortable ? Float(PortableExponential.tanh(Double(x))) : Float.tanh(x)
  }
}
