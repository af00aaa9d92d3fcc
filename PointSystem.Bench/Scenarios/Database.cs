using System.Globalization;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;
using PointSystem.Local.Postgres;

namespace PointSystem.Bench.Scenarios;

/// <summary>What 1,000 uses cost in the database, as counted by Postgres.</summary>
internal sealed record Database() : Scenario("database", "statements and commits of 1,000 uses, as Postgres counts them")
{
    private const int StatementsListed = 8;
    private const string Extension = "pg_stat_statements";
    private static readonly string[] Compared = ["statements", "commits"];
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(3);

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var contenders = (options.Contenders ?? [Contender.Baseline, "distributed", "adaptive"]).Select(Contender.Find).ToList();
        var callers = options.Callers ?? ContenderRun.CallersDefault;
        var time = TimeSpan.FromSeconds(options.Seconds ?? 4);
        var hasStatements = PostgresBinaries.FindInstalled().Any(installed => installed.HasExtension(Extension));
        await using var cluster = await run.StartClusterAsync(
            local =>
            {
                if (hasStatements)
                {
                    local.PostgresSettings["shared_preload_libraries"] = Extension;
                }
            },
            cancellationToken);
        await ContenderRun.SeedAsync(cluster, cancellationToken);
        if (hasStatements)
        {
            await cluster.ExecuteAsync($"CREATE EXTENSION IF NOT EXISTS {Extension}", cancellationToken);
        }

        var runner = new RoundRunner(run, cluster);
        var rows = new List<Row>();
        var notes = new List<string>();
        (string Name, ClosedLoop Load)[] loads =
        [
            ("uniform", new ClosedLoop(cluster.Targets(options.Straight), callers, caller => new Members.Uniform(1, ContenderRun.MemberCount, caller + 1))),
            ("hot", new ClosedLoop(cluster.Targets(options.Straight), callers, _ => new Members.One(1))),
        ];
        foreach (var (name, load) in loads)
        {
            foreach (var contender in contenders)
            {
                await contender.EnterAsync(cluster, cancellationToken);
                var bench = new BenchLoad(load, callers, null);
                runner.Count(await contender.RunAsync(cluster, bench, WarmUp, null, cancellationToken));
                if (hasStatements)
                {
                    await cluster.ExecuteAsync("SELECT pg_stat_statements_reset()", cancellationToken);
                }

                var turn = await runner.MeasureAsync(() => contender.RunAsync(cluster, bench, time, null, cancellationToken), time, cancellationToken);
                var thousands = turn.Accepted / 1000.0;
                var figures = new Dictionary<string, Spread> { ["uses"] = Spread.Of(turn.Accepted), ["commits"] = Spread.Of(turn.Transactions / thousands) };
                if (hasStatements)
                {
                    var statements = await ReadStatementsAsync(cluster, cancellationToken);
                    figures["statements"] = Spread.Of((statements.Sum(statement => statement.Calls) + (2 * turn.Transactions)) / thousands);
                    figures["wal"] = Spread.Of(statements.Sum(statement => statement.WalBytes) / thousands / 1024);
                    var listed = statements.Take(StatementsListed).Select(statement =>
                        FormattableString.Invariant($"{statement.Calls / thousands:N0} × {statement.MeanMicroseconds:N0} µs {Shorten(statement.Text)}"));
                    notes.Add($"Most frequent of {contender.Name}, {name} (calls for 1,000 uses, mean µs): {string.Join("; ", listed)}.");
                }

                rows.Add(new Row($"{contender.Name}, {name}", contender.Meaning, figures));
                run.Say(FormattableString.Invariant($"{contender.Name,-12} {name,-8} {turn.Accepted:N0} uses"));
                await contender.LeaveAsync(cluster, cancellationToken);
            }
        }

        notes.Add(hasStatements
            ? "Commits are the transactions that got a number. Statements are counted by pg_stat_statements, plus BEGIN and COMMIT for each commit "
                + "(it does not count them when they are prepared)."
            : "pg_stat_statements is not installed, so statements were not counted. Commits are the transactions that got a number.");
        var ledger = await runner.CheckLedgerAsync(cancellationToken);
        var report = await run.DescribeAsync(this, cluster, new Dictionary<string, string>
        {
            ["callers"] = callers.ToString(CultureInfo.InvariantCulture),
            ["seconds a turn"] = time.TotalSeconds.ToString(CultureInfo.InvariantCulture),
            ["replicas"] = options.Replicas.ToString(CultureInfo.InvariantCulture),
        }, cancellationToken);
        return report with
        {
            Charted = "commits",
            Columns =
            [
                new Column("uses", "uses", 0), new Column("statements", "statements for 1,000", 0), new Column("commits", "commits for 1,000", 0),
                new Column("wal", "WAL KiB for 1,000", 0),
            ],
            Rows = rows,
            Targets = [.. Targets(rows, loads.Select(load => load.Name))],
            Notes = [.. notes, ledger],
        };
    }

    private static IEnumerable<Target> Targets(List<Row> rows, IEnumerable<string> loads) =>
        from load in loads
        from figure in Compared
        let mine = rows.Find(row => row.Name == "distributed, " + load)?.Figures.GetValueOrDefault(figure)
        let theirs = rows.Find(row => row.Name == $"{Contender.Baseline}, {load}")?.Figures.GetValueOrDefault(figure)
        where mine is not null && theirs is not null
        select new Target($"{figure} of distributed to row, {load}", 0.25, false, mine.Median / theirs.Median, " ×");

    private static async Task<List<Statement>> ReadStatementsAsync(BenchCluster cluster, CancellationToken cancellationToken)
    {
        var statements = new List<Statement>();
        await using var command = cluster.Database.CreateCommand(
            """
            SELECT query, sum(calls)::bigint, (sum(total_exec_time) * 1000 / sum(calls))::float8, sum(wal_bytes)::bigint
            FROM pg_stat_statements
            WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND query !~ 'pg_stat_|pg_snapshot' AND query NOT IN ('BEGIN', 'COMMIT', 'ROLLBACK')
            GROUP BY query ORDER BY 2 DESC
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            statements.Add(new Statement(reader.GetString(0), reader.GetInt64(1), reader.GetDouble(2), reader.GetInt64(3)));
        }

        return statements;
    }

    private static string Shorten(string text)
    {
        const int Length = 60;
        var line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).Replace('|', '¦');
        return line.Length <= Length ? line : line[..Length] + "…";
    }

    private sealed record Statement(string Text, long Calls, double MeanMicroseconds, long WalBytes);
}
