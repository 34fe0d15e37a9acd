//! The drawing of a record: what a delivery costs beside the floor, and how long messages take.

use super::axis::Axis;
use super::panels::{floors, latencies, others, variants};
use super::record::Record;
use super::svg::Svg;

/// Draws it as SVG, legible on a light and on a dark page.
#[must_use]
pub fn svg(record: &Record) -> String {
    let panels = [floors(&record.rows), variants(&record.rows), latencies(&record.rows), others(&record.rows)];
    let panels: Vec<Panel> = panels.into_iter().filter(|panel| !panel.rows.is_empty()).collect();
    let height = MARGIN + panels.iter().map(Panel::height).sum::<f64>() + FOOT;
    let mut svg = Svg::new(WIDTH, height);
    svg.text("title", &[("id", &"title")], "Tidings beside a bare epoll loop");
    svg.text("desc", &[("id", &"description")], &description(record));
    svg.text("style", &[], STYLE);
    svg.empty("rect", &[("class", &"page"), ("width", &WIDTH), ("height", &height)]);
    let mut top = MARGIN;
    for panel in &panels {
        panel.draw(&mut svg, top);
        top += panel.height();
    }
    let machine = &record.machine;
    let mut foot = format!(
        "rounds of each: {} · {}, {} cores · {} · commit {}",
        record.rounds(),
        machine.processor,
        machine.cores,
        machine.kernel,
        machine.commit
    );
    for (name, _) in record.failures() {
        foot += &format!(" · {name} failed");
    }
    svg.text("text", &[("class", &"small"), ("x", &MARGIN), ("y", &(height - MARGIN))], &foot);
    svg.finish()
}

const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 20.0;
/// The line below the panels.
const FOOT: f64 = 24.0;
/// Names stand left of the plot, figures right of it.
const PLOT_LEFT: f64 = 230.0;
const PLOT_WIDTH: f64 = 420.0;
const FIGURES_LEFT: f64 = PLOT_LEFT + PLOT_WIDTH + 16.0;
const HEAD: f64 = 52.0;
const ROW: f64 = 28.0;
const BAR: f64 = 14.0;
const AXIS: f64 = 62.0;

/// Colours are told apart by lightness too, and no meaning hangs on colour alone. No font is named but the reader's own.
const STYLE: &str = "
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.head { font-size: 16px; font-weight: 600; }
.small { font-size: 11.5px; fill: #59636e; }
.page { fill: #ffffff; }
.grid { stroke: #d9dee4; }
.one { stroke: #59636e; stroke-width: 1.5; }
.bar { fill: #4a83d4; }
.tail { fill: #b9d0f0; }
.whisker { stroke: #17335c; stroke-width: 1.5; fill: none; }
.goal { stroke: #c2570c; stroke-width: 2.5; }
.missed { font-weight: 700; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.small { fill: #9aa4af; }
.page { fill: #0d1117; }
.grid { stroke: #2b323b; }
.one { stroke: #9aa4af; }
.bar { fill: #5b93e0; }
.tail { fill: #2f4a70; }
.whisker { stroke: #dbe8fb; }
.goal { stroke: #f0883e; }
}
";

/// One diagram: rows of bars over a common axis.
pub(super) struct Panel {
    pub(super) head: &'static str,
    /// What bars, whiskers and marks mean.
    pub(super) legend: &'static str,
    /// What the axis counts.
    pub(super) axis: &'static str,
    /// Where bars begin; at the left edge without.
    pub(super) from: Option<f64>,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    pub(super) name: String,
    /// Where the bar ends, and what is fainter behind it.
    pub(super) bar: f64,
    pub(super) tail: Option<f64>,
    pub(super) whisker: Option<(f64, f64)>,
    pub(super) goals: Vec<f64>,
    pub(super) figures: String,
    pub(super) missed: bool,
}

impl Panel {
    fn height(&self) -> f64 {
        HEAD + ROW * self.rows.len() as f64 + AXIS
    }

    fn axis(&self) -> Axis {
        let each = |row: &Row| {
            let ends = row.whisker.map_or([row.bar; 2], |(least, greatest)| [least, greatest]);
            [row.bar, row.tail.unwrap_or(row.bar), ends[0], ends[1]].into_iter().chain(row.goals.clone())
        };
        Axis::around(self.rows.iter().flat_map(each).chain(self.from), PLOT_LEFT, PLOT_WIDTH)
    }

    fn draw(&self, svg: &mut Svg, top: f64) {
        svg.text("text", &[("class", &"head"), ("x", &MARGIN), ("y", &(top + 16.0))], self.head);
        svg.text("text", &[("class", &"small"), ("x", &MARGIN), ("y", &(top + 36.0))], self.legend);
        let axis = self.axis();
        let (first, last) = (top + HEAD, top + HEAD + ROW * self.rows.len() as f64);
        for mark in axis.marks() {
            let x = place(axis.at(mark));
            let class = if self.from == Some(mark) { "one" } else { "grid" };
            svg.empty("line", &[("class", &class), ("x1", &x), ("x2", &x), ("y1", &first), ("y2", &(last + 4.0))]);
            let at: super::svg::Attributes<'_> =
                &[("class", &"small"), ("x", &x), ("y", &(last + 18.0)), ("text-anchor", &"middle")];
            svg.text("text", at, &plain(mark));
        }
        let middle = PLOT_LEFT + PLOT_WIDTH / 2.0;
        svg.text(
            "text",
            &[("class", &"small"), ("x", &middle), ("y", &(last + 33.0)), ("text-anchor", &"middle")],
            self.axis,
        );
        for (index, row) in self.rows.iter().enumerate() {
            row.draw(svg, &axis, self.from, first + ROW * index as f64);
        }
    }
}

impl Row {
    fn draw(&self, svg: &mut Svg, axis: &Axis, from: Option<f64>, top: f64) {
        let middle = top + ROW / 2.0;
        let bar_top = middle - BAR / 2.0;
        svg.begin("g", &[]);
        svg.text("title", &[], &format!("{}: {}", self.name, self.figures));
        let name_end = PLOT_LEFT - 12.0;
        svg.text("text", &[("x", &name_end), ("y", &(middle + 4.5)), ("text-anchor", &"end")], &self.name);
        let mut bar = |class: &str, start: f64, end: f64| {
            let (left, right) = (start.min(end), start.max(end));
            svg.empty(
                "rect",
                &[
                    ("class", &class),
                    ("x", &place(left)),
                    ("y", &bar_top),
                    ("width", &place(right - left)),
                    ("height", &BAR),
                ],
            );
        };
        let start = from.map_or(PLOT_LEFT, |value| axis.at(value));
        if let Some(tail) = self.tail {
            bar("tail", start, axis.at(tail));
        }
        bar("bar", start, axis.at(self.bar));
        if let Some((least, greatest)) = self.whisker {
            let (left, right) = (place(axis.at(least)), place(axis.at(greatest)));
            let path = format!("M{left} {0}V{1}M{left} {middle}H{right}M{right} {0}V{1}", middle - 4.0, middle + 4.0);
            svg.empty("path", &[("class", &"whisker"), ("d", &path)]);
        }
        for goal in &self.goals {
            let x = place(axis.at(*goal));
            svg.empty(
                "line",
                &[("class", &"goal"), ("x1", &x), ("x2", &x), ("y1", &(bar_top - 5.0)), ("y2", &(bar_top + BAR + 5.0))],
            );
        }
        let class = if self.missed { "small missed" } else { "small" };
        svg.text("text", &[("class", &class), ("x", &FIGURES_LEFT), ("y", &(middle + 4.0))], &self.figures);
        svg.end();
    }
}

fn description(record: &Record) -> String {
    let costs = floors(&record.rows).rows.into_iter().map(|row| format!("{} {}", row.name, row.figures));
    let times = latencies(&record.rows).rows.into_iter().map(|row| format!("{} {}", row.name, row.figures));
    format!(
        "CPU as a multiple of the floor's: {}. Time until the last recipient, p50 / p99: {}.",
        costs.collect::<Vec<_>>().join("; "),
        times.collect::<Vec<_>>().join("; ")
    )
}

/// A coordinate to a hundredth: smaller differences are not seen.
fn place(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// A mark of the axis, without more digits than it has.
fn plain(mark: f64) -> String {
    let text = format!("{mark:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use roxmltree::{Document, Node};

    use super::super::tests::record;
    use super::*;

    fn numbers<'a>(node: Node<'a, '_>, names: [&str; 2]) -> [f64; 2] {
        names.map(|name| node.attribute(name).expect("it is drawn there").parse().expect("a number"))
    }

    fn of_class<'a>(document: &'a Document<'_>, class: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
        document.descendants().filter(move |node| node.attribute("class") == Some(class))
    }

    #[test]
    fn a_chart_is_well_formed_and_says_what_it_shows() {
        let text = svg(&record());
        let document = Document::parse(&text).expect("it is well-formed");
        let root = document.root_element();
        assert_eq!(root.tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
        let child = |name| root.children().find(|node| node.has_tag_name(("http://www.w3.org/2000/svg", name)));
        assert!(
            child("title").is_some()
                && child("desc").and_then(|node| node.text()).is_some_and(|text| text.contains("fanout32"))
        );
        assert!(
            !document.descendants().any(|node| matches!(node.tag_name().name(), "script" | "image" | "foreignObject"))
        );
        assert!(!text.contains("url(") && !text.contains("@import"), "nothing is loaded from elsewhere");
    }

    #[test]
    fn bars_end_where_their_values_lie_on_the_axis() {
        let record = record();
        let text = svg(&record);
        let document = Document::parse(&text).expect("it is well-formed");
        let axis = floors(&record.rows).axis();
        let [x, width] = numbers(of_class(&document, "bar").next().expect("a bar"), ["x", "width"]);
        assert!((x - axis.at(0.05)).abs() < 0.02, "0.050 is where the bar ends: {x}");
        assert!((x + width - axis.at(1.0)).abs() < 0.02, "and the floor is where it begins");
        let [goal, _] = numbers(of_class(&document, "goal").next().expect("its goal"), ["x1", "x2"]);
        assert!((goal - axis.at(0.065)).abs() < 0.02 && goal > x, "a reached goal lies behind the bar's end: {goal}");
        let whisker = of_class(&document, "whisker").next().and_then(|node| node.attribute("d")).expect("a whisker");
        assert!(whisker.contains(&format!("H{}", place(axis.at(0.1)))), "{whisker}");
    }

    #[test]
    fn what_is_not_compared_with_the_floor_stands_apart_and_names_what_it_is_compared_with() {
        let mut record = record();
        let mut shards = record.rows[0].clone();
        (shards.scenario, shards.beside) = ("two-shards-fanout".to_owned(), "one shard".to_owned());
        let mut lost = record.rows[0].clone();
        (lost.scenario, lost.failed) = ("fanout1".to_owned(), Some("no server".to_owned()));
        record.rows.extend([shards, lost]);
        assert!(floors(&record.rows).rows.iter().all(|row| row.name != "two-shards-fanout@1000"));
        let row = &variants(&record.rows).rows[0];
        assert!(row.figures.contains("of one shard · ≤ 1.15 reached"), "{}", row.figures);
        let text = svg(&record);
        assert!(text.contains("beside itself") && text.contains("fanout1@1000 failed"), "{text}");
    }

    #[test]
    fn each_goal_of_a_record_is_drawn_and_told() {
        let text = svg(&record());
        let document = Document::parse(&text).expect("it is well-formed");
        assert_eq!(of_class(&document, "goal").count(), 3, "one of fanout32, two of durable32");
        let told: Vec<&str> = document.descendants().filter_map(|node| node.text()).collect();
        for figures in ["≤ 0.065 reached", "p99 ≤ 2 ms reached", "≥ 24000 a second missed"] {
            assert!(told.iter().any(|text| text.ends_with(figures)), "{figures}: {told:?}");
        }
    }

    #[test]
    fn names_are_escaped_and_odd_values_leave_the_chart_whole() {
        let mut record = record();
        record.rows[0].scenario = "<&\"'> 32".to_owned();
        record.machine.processor = "A & B <C>".to_owned();
        record.rows[0].server[0].cost = Some(f64::NAN);
        let text = svg(&record);
        let document = Document::parse(&text).expect("it is well-formed");
        assert!(document.descendants().any(|node| node.text() == Some("<&\"'> 32@1000")));
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }

    #[test]
    fn a_record_of_nothing_is_drawn_too() {
        let record = Record { rows: Vec::new(), ..record() };
        assert!(Document::parse(&svg(&record)).is_ok());
    }
}
