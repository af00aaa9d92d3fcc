namespace PointSystem.Bench.Servers;

/// <summary>Looks whether a run left the books right: a fast wrong answer is worth nothing.</summary>
internal static class Books
{
    private const int Sample = 20;

    /// <summary>One sentence; it begins with <c>Books are right</c> or the bench fails.</summary>
    /// <param name="cluster">Where the run was.</param>
    /// <param name="usages">Uses that were in the books before the run.</param>
    /// <param name="accepted">Uses that were accepted.</param>
    /// <param name="unanswered">Uses whose answer never came; each may have been done.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<string> CheckAsync(
        BenchCluster cluster, long usages, long accepted, long unanswered, CancellationToken cancellationToken)
    {
        var written = await CountUsagesAsync(cluster, cancellationToken) - usages;
        if (written < accepted || written > accepted + unanswered)
        {
            throw new BenchException($"The books are wrong: {accepted} uses were accepted and {unanswered} not answered, but {written} are in the books.");
        }

        // The server's own ANALYZE may not have come by yet since the tables grew.
        await Seeder.SettleAsync(cluster, cancellationToken);
        var members = await SampleAsync(cluster, cancellationToken);
        foreach (var member in members)
        {
            var status = await cluster.ReconcileAsync(member, cancellationToken);
            if (status != "MATCHED")
            {
                throw new BenchException($"The books are wrong: the reconciliation of member {member} says {status}.");
            }
        }

        return $"Books are right: {written:N0} uses written for {accepted:N0} accepted, reconciliation of {members.Count} members MATCHED.";
    }

    public static Task<long> CountUsagesAsync(BenchCluster cluster, CancellationToken cancellationToken) =>
        cluster.ScalarAsync<long>("SELECT count(*) FROM point_usages", cancellationToken);

    /// <summary>The busiest members and some others.</summary>
    private static async Task<IReadOnlyList<long>> SampleAsync(BenchCluster cluster, CancellationToken cancellationToken)
    {
        var members = new List<long>();
        await using var command = cluster.Database.CreateCommand(
            $"(SELECT member_id FROM member_wallets ORDER BY version DESC LIMIT {Sample / 2}) UNION (SELECT member_id FROM member_wallets ORDER BY random() LIMIT {Sample / 2})");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            members.Add(reader.GetInt64(0));
        }

        return members;
    }
}
