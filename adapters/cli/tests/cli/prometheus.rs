//! A real Prometheus, with what is written for it.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{
    binary::{Home, Server, until},
    metrics::used,
};

/// The environment's name of the directory with Prometheus's programs.
const PROGRAMS: &str = "LARDER_TEST_PROMETHEUS";
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

fn program(name: &str) -> Command {
    let directory = env::var(PROGRAMS).unwrap_or_else(|_| {
        panic!(
            "{PROGRAMS} names no directory with prometheus and promtool: run `make test`, or \
             `tests/with-prometheus cargo test`"
        )
    });
    Command::new(Path::new(&directory).join(name))
}

/// Runs promtool, which must find nothing to say against what it is given.
#[track_caller]
fn promtool(arguments: &[&str], input: &str) {
    let mut command = program("promtool");
    command.args(arguments).current_dir(DOCS);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && (input.is_empty() || told.is_empty()), "{told}\n{input}");
}

/// Prometheus, scraping those addresses, each as a job of that name.
fn scraping(home: &Home, jobs: &[(&str, SocketAddr)]) -> Server {
    let scrapes = jobs.iter().map(|(job, address)| {
        format!("- {{ job_name: {job}, static_configs: [{{ targets: ['{address}'] }}] }}")
    });
    let scrapes = scrapes.collect::<Vec<_>>().join("\n");
    let settings = format!("global: {{ scrape_interval: 1s }}\nscrape_configs:\n{scrapes}\n");
    let settings = home.write("prometheus.yml", &settings);
    let mut command = program("prometheus");
    command
        .arg(format!("--config.file={}", settings.display()))
        .arg(format!("--storage.tsdb.path={}", home.path().join("prometheus").display()))
        .args(["--web.listen-address=127.0.0.1:0", "--log.format=json"]);
    Server::start(command, "msg", "Listening on")
}

/// Serves a text to every scraper, whatever it asks for.
fn serving(text: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let length = text.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    );
    thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let head = BufReader::new(&connection).lines().map_while(Result::ok);
            if head.take_while(|line| !line.is_empty()).count() > 0 {
                // A scraper that has gone asks again.
                let _ = connection.write_all(answer.as_bytes());
            }
        }
    });
    address
}

/// What Prometheus answers; `None` while it does not answer yet.
fn ask(prometheus: &Server, path: &str) -> Option<Value> {
    let (status, text) = prometheus.get(&format!("/api/v1/{path}"));
    let answer: Value = serde_json::from_str(&text).ok()?;
    assert_ne!(status, 400, "{path}: {text}");
    (answer["status"] == "success").then(|| answer["data"].clone())
}

/// The series that an expression gives, once it gives any.
#[track_caller]
fn query(prometheus: &Server, expression: &str) -> Vec<Value> {
    let path = format!("query?query={}", utf8_percent_encode(expression, NON_ALPHANUMERIC));
    until(expression, || {
        let found = ask(prometheus, &path)?["result"].as_array()?.clone();
        (!found.is_empty()).then_some(found)
    })
}

/// The unit of a metric as a job's target tells it: the classic format knows none.
fn unit(prometheus: &Server, job: &str, metric: &str) -> Value {
    let target = format!("{{job=\"{job}\"}}");
    let target = utf8_percent_encode(&target, NON_ALPHANUMERIC);
    let path = format!("targets/metadata?match_target={target}&metric={metric}");
    until(&path, || Some(ask(prometheus, &path)?[0]["unit"].clone()))
}

/// Every query of the dashboard, and the label that its legend shows.
fn queries(node: &Value, found: &mut Vec<(String, String)>) {
    if let (Some(expression), Some(legend)) = (node["expr"].as_str(), node["legendFormat"].as_str())
    {
        found.push((expression.to_owned(), legend.to_owned()));
    }
    let children = node.as_array().map(|items| items.iter().collect::<Vec<_>>());
    let fields = || node.as_object().map(|fields| fields.values().collect());
    for child in children.or_else(fields).unwrap_or_default() {
        queries(child, found);
    }
}

#[test]
fn promtool_accepts_the_rules_and_their_tests() {
    promtool(&["check", "rules", "alerts.yml"], "");
    promtool(&["test", "rules", "alerts_test.yml"], "");
}

#[test]
fn promtool_finds_no_fault_with_the_metrics() {
    let home = Home::new();
    promtool(&["check", "metrics"], &used(&home).get("/metrics").1);
}

#[test]
fn a_real_prometheus_reads_both_formats_and_fills_the_dashboard() {
    let home = Home::new();
    let larder = used(&home);
    let classic = serving(&larder.get("/metrics").1);
    let prometheus = scraping(&home, &[("larder", larder.listens()), ("classic", classic)]);
    for job in ["larder", "classic"] {
        let build = query(&prometheus, &format!("larder_build_info{{job=\"{job}\"}}"));
        assert_eq!(build[0]["metric"]["version"], env!("CARGO_PKG_VERSION"));
        let up = query(&prometheus, &format!("up{{job=\"{job}\"}} == 1"));
        assert_eq!(up.len(), 1);
    }
    let age = "larder_oldest_sync_age_seconds";
    assert_eq!(unit(&prometheus, "larder", age), "seconds", "OpenMetrics was negotiated");
    assert_eq!(unit(&prometheus, "classic", age), "");

    let dashboard = fs::read_to_string(format!("{DOCS}/dashboard.json")).unwrap();
    let mut told = Vec::new();
    queries(&serde_json::from_str(&dashboard).unwrap(), &mut told);
    assert!(!told.is_empty());
    for (expression, legend) in told {
        let variables = [("$job", "larder"), ("$instance", ".*"), ("$__rate_interval", "1m")];
        let expression =
            variables.iter().fold(expression, |it, (name, it_is)| it.replace(name, it_is));
        let series = query(&prometheus, &expression);
        for label in legend.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")) {
            assert!(series[0]["metric"][label.0].is_string(), "{expression} has no {}", label.0);
        }
    }
}
