// Means that rounding does not carry out of what they are means of.

extension Double {
  /// A mean of values from `least` to `most`, held between them: n times 1/n can be above 1 (of 21 ones, say).
  func held(between least: Double, and most: Double) -> Double { min(max(self, least), most) }
}
