using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using PointSystem.ServiceDefaults;

namespace PointSystem.Tests.Api;

/// <summary>What a replica logs while its database is unavailable: one line for each refused request.</summary>
public sealed class OutageLogTests
{
    [Fact]
    public async Task Outage_EachRefusedRequest_IsOneLineAndStackTracesAreRare()
    {
        await using var api = await ApiProcess.StartAsync(ApiProcess.NoDatabase());
        using var client = new PointsClient(api.Address, Tokens.Admin);
        var since = TimeProvider.System.GetTimestamp();

        var refused = new List<Answer>();
        for (var i = 0; i < 20; i++)
        {
            refused.Add(await client.AccumulateAsync(7, 5));
            refused.Add(await client.GetAsync("/api/points/use/use_By-MsXGtLNWO8JGPmGdO_OI"));
            refused.Add(await client.GetAsync("/api/admin/points/config"));
            refused.Add(await client.PostAsync("/api/admin/points/reconciliation/members/7", new { }));
            (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.ServiceUnavailable);
        }

        var seconds = (int)TimeProvider.System.GetElapsedTime(since).TotalSeconds + 2;
        Assert.All(refused, answer => answer.IsProblem(HttpStatusCode.ServiceUnavailable, "DATABASE_UNAVAILABLE"));
        var traces = refused.ConvertAll(answer => answer.TextOf("traceId"));
        await Eventually.SaysAsync(() => api.Output, traces[^1]);

        var lines = api.Output.Split('\n');
        Assert.All(traces, trace => Assert.Single(lines, line => line.Contains(trace, StringComparison.Ordinal)));
        var entries = lines.Where(line => line.Length > 0 && !char.IsWhiteSpace(line[0])).ToList();
        Assert.InRange(entries.Count(line => line.Contains("ApiExceptionHandler", StringComparison.Ordinal)), traces.Count, traces.Count);
        // Start-up, jobs, and the rules, which are read at most once a second.
        Assert.InRange(entries.Count - traces.Count, 1, 30 + seconds);
        // A stack trace starts with its exception. There are few kinds: a refused connection from the rules, from a read, from EF.
        Assert.InRange(lines.Count(line => line.StartsWith("      Npgsql.NpgsqlException", StringComparison.Ordinal)), 1, 8 * seconds);
    }

    [Fact]
    public void StackTrace_OfOneKind_IsWrittenOnceASecond()
    {
        var time = new FakeTimeProvider();
        var console = new OneLineConsole(time);

        Assert.Contains("   at ", Write(console, 1, Thrown(new NpgsqlException("gone"))), StringComparison.Ordinal);
        Assert.Equal("warn: Ledger[1] refused a b | NpgsqlException: gone\n", Write(console, 1, Thrown(new NpgsqlException("gone"))));
        Assert.Contains("   at ", Write(console, 2, Thrown(new NpgsqlException("gone"))), StringComparison.Ordinal);
        Assert.Contains("   at ", Write(console, 1, Thrown(new NpgsqlException("gone", new IOException("broken\nline")))), StringComparison.Ordinal);
        time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Equal(
            "warn: Ledger[1] refused a b | NpgsqlException: gone | IOException: broken line\n",
            Write(console, 1, Thrown(new NpgsqlException("gone", new IOException("broken\nline")))));
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Contains("   at ", Write(console, 1, Thrown(new NpgsqlException("gone"))), StringComparison.Ordinal);
    }

    private static string Write(OneLineConsole console, int eventId, Exception exception)
    {
        using var writer = new StringWriter { NewLine = "\n" };
        console.Write(new LogEntry<string>(LogLevel.Warning, "Ledger", new EventId(eventId), "refused a\nb", exception, (text, _) => text), null, writer);
        return writer.ToString();
    }

    private static NpgsqlException Thrown(NpgsqlException exception)
    {
        try
        {
            throw exception;
        }
        catch (NpgsqlException caught)
        {
            return caught;
        }
    }
}
