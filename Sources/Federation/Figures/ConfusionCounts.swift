// Which label was taken for which, as the pairs that occur: a client has far fewer test examples than there
// are pairs of classes.

/// The confusion matrix of one client, without its zeros.
public struct ConfusionCounts: Codable, Hashable, Sendable {
  public let classes: Int
  /// True label, predicted label and number of examples of every pair that occurs, one after another, by
  /// ascending labels.
  public let triples: [UInt32]

  /// - Parameter cells: `label * classes + predicted` of every example.
  init(classes: Int, cells: some Sequence<Int>) {
    self.classes = classes
    let sorted = cells.sorted()
    var starts = sorted.indices.filter { $0 == 0 || sorted[$0] != sorted[$0 - 1] }
    starts.append(sorted.count)
    var triples: [UInt32] = []
    // No larger than it must be: a million clients keep one each.
    triples.reserveCapacity(3 * (starts.count - 1))
    for (start, end) in zip(starts, starts.dropFirst()) {
      triples.append(UInt32(clamping: sorted[start] / classes))
      triples.append(UInt32(clamping: sorted[start] % classes))
      triples.append(UInt32(clamping: end - start))
    }
    self.triples = triples
  }

  /// - Parameter matrix: square, `matrix[label][predicted]`, no count below 0.
  public init(matrix: [[Int]]) {
    classes = matrix.count
    triples = matrix.enumerated().flatMap { label, row in
      row.enumerated().filter { $0.element > 0 }.flatMap { predicted, count in
        [UInt32(clamping: label), UInt32(clamping: predicted), UInt32(clamping: count)]
      }
    }
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
