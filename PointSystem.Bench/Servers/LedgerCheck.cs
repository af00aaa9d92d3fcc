namespace PointSystem.Bench.Servers;

/// <summary>Checks that the ledger is correct after a run: a fast wrong answer is worth nothing.</summary>
internal static class LedgerCheck
{
    private const int Sample = 20;

    /// <summary>Returns a sentence that starts with <c>The ledger is correct</c>; otherwise the bench fails.</summary>
    /// <param name="cluster">The cluster of the run.</param>
    /// <param name="usages">Uses in the ledger before the run.</param>
    /// <param name="accepted">Accepted uses.</param>
    /// <param name="unanswered">Uses without an answer; each may have been executed.</param>
    /// <param name="cancellationToken">Cancels the check.</param>
    public static async Task<string> RunAsync(
        BenchCluster cluster, long usages, long accepted, long unanswered, CancellationToken cancellationToken)
    {
        var written = await CountUsagesAsync(cluster, cancellationToken) - usages;
        if (written < accepted || written > accepted + unanswered)
        {
            throw new BenchException($"The ledger is wrong: {accepted} uses were accepted and {unanswered} not answered, but {written} are in the ledger.");
        }

        // Autovacuum may not have analyzed the tables since they grew.
        await Seeder.SettleAsync(cluster, cancellationToken);
        var members = await SampleAsync(cluster, cancellationToken);
        foreach (var member in members)
        {
            var status = await cluster.ReconcileAsync(member, cancellationToken);
            if (status != "MATCHED")
            {
                throw new BenchException($"The ledger is wrong: the reconciliation of member {member} says {status}.");
            }
        }

        return $"The ledger is correct: {written:N0} uses written for {accepted:N0} accepted, reconciliation of {members.Count} members MATCHED.";
    }

    public static Task<long> CountUsagesAsync(BenchCluster cluster, CancellationToken cancellationToken) =>
        cluster.ScalarAsync<long>("SELECT count(*) FROM point_usages", cancellationToken);

    /// <summary>The busiest members and some others.</summary>
    private static async Task<IReadOnlyList<long>> SampleAsync(BenchCluster cluster, CancellationToken cancellationToken)
    {
        var members = new List<long>();
        await using var command = cluster.Database.CreateCommand(
            $"""
            (SELECT member_id FROM member_wallets ORDER BY version DESC LIMIT {Sample / 2})
            UNION (SELECT member_id FROM member_wallets ORDER BY random() LIMIT {Sample / 2})
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            members.Add(reader.GetInt64(0));
        }

        return members;
    }
}
