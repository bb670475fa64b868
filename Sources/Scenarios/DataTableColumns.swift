// What a scenario states about the input columns of a table.

import Datasets

extension Scenario.DataSet.Table {
  static let statement = TaggedShape(
    tag: "kind", description: "What the column holds.",
    branches: [
      .init(
        "numeric", "A number between bounds, which become -1 and 1.",
        [
          .required("column", column, "The column, by name or counted from 0."),
          .defaults(
            "min", .null, .nullable(number),
            "The lower bound; smaller values count as it. null learns mean and deviation instead."),
          .defaults("max", .null, .nullable(number), "The upper bound, likewise."),
        ]),
      .init(
        "estimated",
        "A number whose bounds every client estimates privately, and pays for; what is found becomes -1 and 1.",
        [
          .required("column", column, "The column, by name or counted from 0."),
          .required(
            "min", number,
            "A lower bound that is public and may be wide; smaller values count as it."),
          .required("max", number, "An upper bound, likewise."),
        ]),
      .init(
        "standardized", "A number that becomes (x - mean) / standard_deviation.",
        [
          .required("column", column, "The column, by name or counted from 0."),
          .required("mean", number, "A mean that is public."),
          .required(
            "standard_deviation", .number(.above(0, to: 1e100)),
            "A standard deviation that is public."),
        ]),
      .init(
        "categorical", "One 0/1 input for each category and one for a missing value.",
        [
          .required("column", column, "The column, by name or counted from 0."),
          .defaults(
            "categories", .null, .nullable(.list(of: word, count: 1...1000, distinct: true)),
            "The categories in the order of their inputs; other values leave all of them 0. null learns "
              + "them."),
        ]),
    ])
}

extension ColumnStatement {
  init(_ fields: Fields) throws(ScenarioError) {
    let kind: Kind
    switch try fields.string("kind") {
    case "standardized":
      kind = .standardized(
        mean: try fields.number("mean"), standardDeviation: try fields.number("standard_deviation"))
    case "estimated":
      let (min, max) = (try fields.number("min"), try fields.number("max"))
      guard min < max else {
        throw ScenarioError(fields.path + "max", "must be above min, which is \(min), got \(max)")
      }
      kind = .estimated(min: min, max: max, found: nil)
    case "categorical":
      kind = .categorical(
        fields.optional("categories") == nil ? nil : try fields.words("categories"))
    default:
      switch (try fields.optionalNumber("min"), try fields.optionalNumber("max")) {
      case (nil, nil): kind = .numeric
      case (let min?, let max?) where min < max: kind = .bounded(min: min, max: max)
      case (let min?, let max?):
        throw ScenarioError(fields.path + "max", "must be above min, which is \(min), got \(max)")
      default:
        throw ScenarioError(
          fields.path, "has one bound alone; give both min and max, or neither to learn the scale")
      }
    }
    self.init(TableColumn(try fields.value("column")), kind)
  }
}
