// From the words of a scenario to the requests of the data room.

import Datasets
import Scenarios

extension DatasetRequest {
  init(_ scenario: Scenario) {
    let data = scenario.data
    self.init(
      name: data.name, path: data.path, testPath: data.table?.testPath, table: data.table?.format)
    publicPath = data.table?.publicPath
    use = TableUse(
      isPrivate: scenario.isPrivate, publicExamples: data.publicExamples)
    classCount = data.classes
    synthetic = data.synthetic
    synthetic?.seed = scenario.seed
  }
}

extension Scenario {
  /// Whether any client has a budget.
  var isPrivate: Bool { clients.contains { $0.budget.targetEpsilon != nil } }
}

extension Datasets.Shift {
  /// - Throws: `invalidRequest` if a class of a permutation by name is none of the data set's.
  init(_ shift: Scenario.Shift, of dataset: Dataset) throws(DatasetError) {
    var permutation: [Int]?
    switch shift.labelPermutation {
    case .numbers(let numbers)?: permutation = numbers
    case .names(let names)?:
      let numbers = Dictionary(
        dataset.classNames.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
      permutation = []
      for name in names {
        guard let number = numbers[name] else {
          throw DatasetError(
            .invalidRequest, at: "shift.label_permutation",
            "'\(name)' is no class of \(dataset.name)",
            mend: "use each of these once: "
              + dataset.classNames.prefix(20).joined(separator: ", "))
        }
        permutation?.append(number)
      }
    case nil: break
    }
    self.init(
      rotationDegrees: shift.rotation, labelPermutation: permutation,
      labelOffset: shift.labelOffset, featureNoise: shift.featureNoise)
  }
}
