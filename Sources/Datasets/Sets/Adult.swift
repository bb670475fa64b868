// Adult (census income): its columns as the published description lists them.
//
// Categories are those of adult.names, which UCI publishes beside the data. Bounds are the survey's own (from
// 17 years on; top codes of 90 years, 99,999 dollars of gain and 99 hours; 16 grades of education) or round
// numbers chosen without the data. No row is asked for any of it, so it costs no privacy.

extension TableFormat {
  /// Adult as UCI publishes it; clusters may take one sex, and figures are given by sex, race and age.
  public static let adult = {
    var format = TableFormat(
      label: .name("income"), group: .name("sex"), delimiter: ",", header: false,
      names: [
        "age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation",
        "relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week",
        "native-country", "income",
      ],
      comment: "|", missing: ["?", ""],
      columns: numbers.map { ColumnStatement(.name($0), .bounded(min: $1, max: $2)) }
        + words.map { ColumnStatement(.name($0), .categorical($1)) })
    format.encoding = .utf8
    format.classes = ["<=50K", ">50K"]
    format.groupColumns = [
      GroupColumn(.name("sex")), GroupColumn(.name("race")),
      GroupColumn(.name("age"), bands: [30, 45, 60]),
    ]
    return format
  }()

  private static let numbers: [(String, Double, Double)] = [
    ("age", 17, 90), ("fnlwgt", 0, 1_500_000), ("education-num", 1, 16),
    ("capital-gain", 0, 99_999),
    ("capital-loss", 0, 4_500), ("hours-per-week", 1, 99),
  ]

  private static let words: [(String, [String])] = [
    (
      "workclass",
      [
        "Private", "Self-emp-not-inc", "Self-emp-inc", "Federal-gov", "Local-gov", "State-gov",
        "Without-pay", "Never-worked",
      ]
    ),
    (
      "education",
      [
        "Bachelors", "Some-college", "11th", "HS-grad", "Prof-school", "Assoc-acdm", "Assoc-voc",
        "9th", "7th-8th", "12th", "Masters", "1st-4th", "10th", "Doctorate", "5th-6th", "Preschool",
      ]
    ),
    (
      "marital-status",
      [
        "Married-civ-spouse", "Divorced", "Never-married", "Separated", "Widowed",
        "Married-spouse-absent", "Married-AF-spouse",
      ]
    ),
    (
      "occupation",
      [
        "Tech-support", "Craft-repair", "Other-service", "Sales", "Exec-managerial",
        "Prof-specialty", "Handlers-cleaners", "Machine-op-inspct", "Adm-clerical",
        "Farming-fishing", "Transport-moving", "Priv-house-serv", "Protective-serv", "Armed-Forces",
      ]
    ),
    (
      "relationship",
      ["Wife", "Own-child", "Husband", "Not-in-family", "Other-relative", "Unmarried"]
    ),
    ("race", ["White", "Asian-Pac-Islander", "Amer-Indian-Eskimo", "Other", "Black"]),
    ("sex", ["Female", "Male"]),
    (
      "native-country",
      [
        "United-States", "Cambodia", "England", "Puerto-Rico", "Canada", "Germany",
        "Outlying-US(Guam-USVI-etc)", "India", "Japan", "Greece", "South", "China", "Cuba", "Iran",
        "Honduras", "Philippines", "Italy", "Poland", "Jamaica", "Vietnam", "Mexico", "Portugal",
        "Ireland", "France", "Dominican-Republic", "Laos", "Ecuador", "Taiwan", "Haiti", "Columbia",
        "Hungary", "Guatemala", "Nicaragua", "Scotland", "Thailand", "Yugoslavia", "El-Salvador",
        "Trinadad&Tobago", "Peru", "Hong", "Holand-Netherlands",
      ]
    ),
  ]
}

extension KnownDataset {
  public static let adult = KnownDataset(
    name: "adult", title: "Adult: income above 50,000 dollars from the US census of 1994",
    loader: PublishedTableLoader(format: .adult), shape: .features(count: 113),
    classNames: ["<=50K", ">50K"],
    publishedCounts: (32_561, 16_281),
    files: [
      PublishedFile(
        ["adult.data"], size: 3_974_305,
        sha256: "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d"),
      PublishedFile(
        ["adult.test"], size: 2_003_153,
        sha256: "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05"),
    ],
    licence: "CC BY 4.0", source: "run tools/data adult")
}
