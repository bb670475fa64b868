// What must stand beside the figures of a model that gives every example the same class.

import Analysis
import Federation
import Formatting

/// Clients whose test examples are of several classes and are all given one.
struct ConstantAnswers {
  let result: RunResult
  /// What classes and clients are called; nil where they have their numbers alone.
  let classNames: [String]?
  let clientNames: [String]?

  /// One for each class that stands for all.
  var sentences: [String] {
    result.constantAnswers.map { answer in
      "Every test example of \(NumberText.count(answer.clients.count, "client")) "
        + "(\(NumberText.list(answer.clients, named: clientNames, limit: 8))) is given the class "
        + "\(ClassName.text(answer.class, in: classNames)): accuracy is that class's share there, and rates and gaps "
        + "between groups say nothing."
    }
  }
}

/// How sentences call a class.
enum ClassName {
  /// "'yes'", or its number.
  static func text(_ label: Int, in names: [String]?) -> String {
    guard let names, names.indices.contains(label) else { return "\(label)" }
    return "'\(names[label].printable)'"
  }
}
