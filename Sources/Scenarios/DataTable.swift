// The keys of a table of the user's: how its text is read, which columns are inputs, and on which scale; or which
// column holds texts.

import Datasets

extension Scenario.DataSet.Table {
  static let column = Kind.either([.text(1...256), .integer(0...100_000)])
  static let word = Kind.either([.text(0...256), .integer(-(1 << 53)...(1 << 53))])
  static let number = Kind.number(.from(-1e100, to: 1e100))

  static let keys: [Key] = [
    .required("path", .text(1...4096), "The CSV file."),
    .required("label_column", column, "Column of the label, by name or counted from 0."),
    .defaults("header", true, .boolean, "Whether the first row names the columns."),
    .implied(
      "classes", .null,
      .nullable(.list(of: word, count: 2...Dataset.mostClasses, distinct: true)),
      "The labels in the order of the classes; null learns them, which under a budget takes public rows."
    ),
    .implied(
      "from_rows", false, .boolean,
      "Whether bounds, categories and classes were read from the rows, as data inspect and init propose them: under a "
        + "budget a run is then refused (DP115)."),
    .implied(
      "columns", [], .list(of: .tagged(statement), count: 0...10_000, distinct: false),
      "What is stated about input columns. Under a budget, each one whose scale or categories no public row "
        + "tells must be here."),
    .implied(
      "public_path", .null, .nullable(.text(1...4096)),
      "A file of the same columns whose rows are public: scales, categories and classes are learned from "
        + "them, and a base model is pretrained on them."),
    .implied(
      "scale_epsilon_ratio", 0.2, .number(.above(0, to: 1)),
      "What a client's estimates of scales spend, over its target_epsilon: each of its k private choices, two a "
        + "column, spends this part divided by the square root of k, so that together they cost about as much "
        + "as one choice of the whole part."),
    .implied(
      "test_path", .null, .nullable(.text(1...4096)),
      "A file of the same columns for testing; null splits test rows off."),
    .implied(
      "test_fraction", 0.2, .number(.above(0, below: 1)),
      "The part of the rows that becomes the test part where there is no test file."),
    .implied(
      "test_split", .null, .nullable(.choice(TestSplit.allCases.map(\.rawValue))),
      "stratified takes the same part of every class; random goes by row numbers alone. null: random where "
        + "rows belong to clients or persons, else stratified."),
    .implied(
      "split_column", .null, .nullable(column),
      "The column that says train or test of each row; null splits test rows off."),
    .implied(
      "client_column", .null, .nullable(column),
      "Each value is a client, which holds its rows; population.clusters is then left out. null deals rows "
        + "to the clients of population.clusters."),
    .implied(
      "cluster_column", .null, .nullable(column),
      "The true cluster of each client, where it is known."),
    .implied(
      "id_column", .null, .nullable(column),
      "Whose row it is. Each client trains on one row of a person, so that the budget of an example is that "
        + "of a person, and nobody is trained and tested on."),
    .implied(
      "weight_column", .null, .nullable(column),
      "How much each row counts in training, as survey weights say: its clipped gradient is multiplied by "
        + "weight / max_weight. Figures count rows alike."),
    .implied(
      "max_weight", .null, .nullable(.number(.above(0, to: 1e100))),
      "A bound of the weights that is public; larger ones count as it."),
    .implied(
      "group_column", .null, .nullable(column),
      "Each value is a group, from which clusters may take their examples (population.clusters.groups)."
    ),
    .implied(
      "group_columns", [],
      .list(
        of: .either([.text(1...256), .integer(0...100_000), .object(groups)]), count: 0...16,
        distinct: true),
      "Columns of people's groups, such as sex or ward: accuracy, rates and gaps are given for each group, "
        + "over all clients. An object gives bands of numbers, or a name. They stay inputs unless "
        + "drop_columns lists them."),
    .implied(
      "feature_columns", .null,
      .nullable(.list(of: column, count: 1...10_000, distinct: true)),
      "The input columns; null takes all that have no other role."),
    .implied(
      "drop_columns", [], .list(of: column, count: 0...10_000, distinct: true),
      "Columns that are no inputs, such as identifiers."),
    .implied(
      "missing", .array(TableFormat.usualMissing.map { .string($0) }),
      .list(of: .text(0...64), count: 0...100, distinct: true),
      "Fields that stand for a missing value."),
    .implied(
      "delimiter", .null, .nullable(.text(1...1)),
      "What separates fields; null takes what the first line has most of: comma, semicolon, tab or bar."
    ),
    .implied(
      "decimal", .null,
      .nullable(.choice([DecimalSign.point.rawValue, DecimalSign.comma.rawValue])),
      "The decimal sign; null takes both, but the point alone where commas separate fields."),
    .implied(
      "encoding", .null, .nullable(.choice(TextEncoding.allCases.map(\.rawValue))),
      "How characters are written as bytes; null looks, and under a budget takes UTF-8 or a byte-order mark."
    ),
  ]

  private static let groups = Shape([
    .required("column", column, "The column, by name or counted from 0."),
    .implied(
      "bands", .null, .nullable(.list(of: number, count: 1...99, distinct: true)),
      "Ascending bounds between groups of numbers; a bound belongs to the group above it. null takes each "
        + "value as a group."),
    .implied(
      "name", .null, .nullable(.text(1...64)),
      "What tables call the column; null takes its name in the file."),
  ])

  /// Of a table of texts, which has no inputs but these.
  static let textKeys: [Key] =
    [
      .required(
        "text_column", column,
        "Column of the texts, by name or counted from 0; they are cut to model.max_tokens."),
      .implied(
        "label_column", .null, .nullable(column),
        "Column of the label, by name or counted from 0; a decoder, which predicts next tokens, needs none."
      ),
    ]
    + keys.filter { key in
      ![
        "label_column", "columns", "public_path", "feature_columns", "drop_columns", "decimal",
        "scale_epsilon_ratio",
      ].contains(key.name)
    }

  /// Of a table beside packed images, which are the inputs.
  static let imageKeys: [Key] =
    [
      .required(
        "path", .text(1...4096),
        "The folder that tools/convert-images wrote: rows.csv and images.idx."),
      .implied(
        "image_column", "image", column, "Column of the number of a row's image, from 0."),
    ]
    + keys.filter { key in
      ![
        "path", "columns", "public_path", "test_path", "feature_columns", "drop_columns",
        "scale_epsilon_ratio",
      ].contains(key.name)
    }

  init(_ fields: Fields) throws(ScenarioError) {
    func columns(_ key: String) throws(ScenarioError) -> [TableColumn]? {
      fields.optional(key) == nil ? nil : try fields.list(key).map(TableColumn.init)
    }
    hasLabels = fields.optional("label_column") != nil
    var format = TableFormat(
      label: TableColumn(fields.optional("label_column") ?? .null),
      delimiter: try fields.optionalString("delimiter"), header: try fields.boolean("header"),
      missing: fields.optional("missing") == nil
        ? TableFormat.usualMissing : try fields.strings("missing"),
      dropped: try columns("drop_columns") ?? [],
      testFraction: try fields.optionalNumber("test_fraction") ?? 0.2)
    format.decimal = try fields.optionalString("decimal").flatMap(DecimalSign.init)
    format.encoding = try fields.optionalString("encoding").flatMap(TextEncoding.init)
    format.features = try columns("feature_columns")
    format.client = fields.optional("client_column").map(TableColumn.init)
    format.cluster = fields.optional("cluster_column").map(TableColumn.init)
    format.person = fields.optional("id_column").map(TableColumn.init)
    format.splitColumn = fields.optional("split_column").map(TableColumn.init)
    if let weight = fields.optional("weight_column").map(TableColumn.init) {
      guard let bound = try fields.optionalNumber("max_weight") else {
        throw ScenarioError(
          fields.path + "max_weight",
          "is missing; weights are divided by a bound that is public, such as the survey's cap")
      }
      format.weight = RowWeight(weight, bound: bound)
    } else if fields.optional("max_weight") != nil {
      throw ScenarioError(
        fields.path + "max_weight", "bounds which weights? name data.weight_column")
    }
    format.group = fields.optional("group_column").map(TableColumn.init)
    if fields.optional("group_columns") != nil {
      format.groupColumns = try fields.groupColumns("group_columns")
    }
    if fields.optional("classes") != nil { format.classes = try fields.words("classes") }
    if fields.optional("test_split") != nil { format.split = try fields.choice("test_split") }
    if fields.optional("columns") != nil {
      for entry in try fields.fieldsList("columns") {
        format.columns.append(try ColumnStatement(entry))
      }
    }
    self.format = format
    text = fields.optional("text_column").map(TableColumn.init)
    image =
      try fields.string("name") == KnownDataset.images.name
      ? TableColumn(fields.optional("image_column") ?? "image") : nil
    isFromRows = try fields.optionalBoolean("from_rows") ?? false
    testPath = try fields.optionalString("test_path")
    publicPath = try fields.optionalString("public_path")
    scaleEpsilonRatio = try fields.optionalNumber("scale_epsilon_ratio") ?? 0.2
  }
}

extension TableColumn {
  init(_ value: JSONValue) {
    if case .integer(let position) = value {
      self = .position(position)
    } else if case .string(let name) = value {
      self = .name(name)
    } else {
      self = .name("")
    }
  }
}

extension Fields {
  fileprivate func groupColumns(_ key: String) throws(ScenarioError) -> [GroupColumn] {
    var columns: [GroupColumn] = []
    for (index, entry) in try list(key).enumerated() {
      guard case .object = entry else {
        columns.append(GroupColumn(TableColumn(entry)))
        continue
      }
      let fields = try Fields(entry, at: path + key + index)
      let bands = fields.optional("bands") == nil ? nil : try fields.numbers("bands")
      if let bands, !zip(bands, bands.dropFirst()).allSatisfy(<) {
        throw ScenarioError(
          fields.path + "bands", "must ascend, got \(try fields.value("bands").text)")
      }
      columns.append(
        GroupColumn(
          TableColumn(try fields.value("column")), bands: bands,
          name: try fields.optionalString("name")))
    }
    return columns
  }

  /// Words, of which some may be written as numbers.
  func words(_ key: String) throws(ScenarioError) -> [String] {
    try list(key).map { value in
      if case .string(let text) = value { text } else { value.prettyText }
    }
  }
}
