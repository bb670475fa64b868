// Whatever the scenario format offers as data, the loader knows.

import Datasets
import Federation
import Foundation
import Scenarios
import Testing

@Suite("Names of data sets")
struct DatasetNameTests {
  @Test("every data set that can be asked for is known to the loader by the same name")
  func names() throws {
    for known in KnownDataset.all {
      var data: String = "{\"name\": \"\(known.name)\""
      if known == .csv { data += ", \"path\": \"/none.csv\", \"label_column\": \"y\"" }
      if known == .images { data += ", \"path\": \"/none\", \"label_column\": \"y\"" }
      if known == .idx { data += ", \"classes\": 3, \"path\": \"/none\"" }
      var changes = ["data.public_examples=0"]
      if known == .text {
        data += ", \"path\": \"/none.csv\", \"label_column\": \"y\", \"text_column\": \"x\""
        changes.append("model={\"name\": \"bert\", \"path\": \"/none\"}")
      }
      if known == .toyOperators { changes.append("model={\"name\": \"gpt\"}") }
      let asked = try scenarioOn(data + "}", changes)
      #expect(asked.data.known == known)
      if known == .synthetic {
        #expect(try populationOf(asked).dataset.classCount == 4)
      } else if known == .toyOperators {
        #expect(try populationOf(asked).dataset.groupNames == ["larger", "smaller"])
      } else {
        let error = try #require(throws: DatasetError.self) { try populationOf(asked) }
        #expect(error.kind == .missing || error.kind == .unreadable)
      }
    }
    for classes in [1, 10_001] {
      #expect(throws: ScenarioError.self) {
        try scenarioOn("{\"name\": \"synthetic\"}", ["data.synthetic.classes=\(classes)"])
      }
    }
  }
}
