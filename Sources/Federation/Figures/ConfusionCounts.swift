// Which label was taken for which, as the pairs that occur: a client has far fewer test examples than there
// are pairs of classes.

/// The confusion matrix of one client, without its zeros.
public struct ConfusionCounts: Codable, Hashable, Sendable {
  public let classes: Int
  /// True label, predicted label and number of examples of every pair that occurs, one after another, by
  /// ascending labels.
  public let triples: [UInt32]

  /// - Parameter counts: examples by `label * classes + predicted`.
  init(classes: Int, counts: [Int: Int]) {
    self.classes = classes
    triples = counts.sorted { $0.key < $1.key }.flatMap { cell, count in
      [
        UInt32(clamping: cell / classes), UInt32(clamping: cell % classes), UInt32(clamping: count),
      ]
    }
  }

  /// - Parameter matrix: square, `matrix[label][predicted]`, no count below 0.
  public init(matrix: [[Int]]) {
    var counts: [Int: Int] = [:]
    for (label, row) in matrix.enumerated() {
      for (predicted, count) in row.enumerated() where count > 0 {
        counts[label * matrix.count + predicted] = count
      }
    }
    self.init(classes: matrix.count, counts: counts)
  }

  /// Nil unless the triples are such as `triples` gives: labels below `classes`, each pair once, in order.
  public init?(classes: Int, triples: [UInt32]) {
    guard classes > 0, triples.count.isMultiple(of: 3) else { return nil }
    var last = -1
    for place in stride(from: 0, to: triples.count, by: 3) {
      let (label, predicted) = (Int(triples[place]), Int(triples[place + 1]))
      guard label < classes, predicted < classes, triples[place + 2] > 0 else { return nil }
      let (row, overflow) = label.multipliedReportingOverflow(by: classes)
      guard !overflow, row + predicted > last else { return nil }
      last = row + predicted
    }
    self.classes = classes
    self.triples = triples
  }

  /// Adds the counts to a matrix of `classes` × `classes`, `matrix[label][predicted]`.
  ///
  /// - Precondition: the matrix has that size.
  public func add(to matrix: inout [[Int]]) {
    for place in stride(from: 0, to: triples.count, by: 3) {
      matrix[Int(triples[place])][Int(triples[place + 1])] += Int(triples[place + 2])
    }
  }

  /// How many labels the examples have.
  var trueClasses: Int {
    Set(stride(from: 0, to: triples.count, by: 3).map { triples[$0] }).count
  }

  /// The whole matrix, `classes` × `classes`.
  public var matrix: [[Int]] {
    var matrix = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
    add(to: &matrix)
    return matrix
  }
}
