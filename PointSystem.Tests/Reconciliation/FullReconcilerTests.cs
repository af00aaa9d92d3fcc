using Npgsql;
using PointSystem.Api.Features.Reconciliation;
using PointSystem.Api.Persistence;
using PointSystem.Tests.Features;
using PointSystem.Tests.Jobs;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Reconciliation;

public sealed class FullReconcilerTests(PointsDatabase server) : IAsyncLifetime
{
    private readonly MemoryLockStore _store = new(TimeProvider.System);
    private NpgsqlDataSource _database = null!;
    private LockReplica _replica = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync(null, Token);
        _replica = await LockReplica.StartAsync(_store, []);
    }

    public async ValueTask DisposeAsync()
    {
        await _replica.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task Run_SomeMembersInconsistent_CountsAndListsThem()
    {
        var members = await GrantAsync(7);
        await Reconcilers.TamperAsync(_database, "UPDATE member_wallets SET balance = balance + 1 WHERE member_id = @m", members[1]);
        await Reconcilers.TamperAsync(_database, "DELETE FROM member_wallets WHERE member_id = @m", members[6]);
        await Reconcilers.TamperAsync(_database, "UPDATE point_ledger_entries SET delta = delta + 1 WHERE member_id = @m", members[4]);
        await using var reconcilers = new Reconcilers(_database, _replica.Runner(_database), chunk: 3);

        var run = await reconcilers.RunAsync("admin");

        Assert.Equal(("COMPLETED", false, 7, 4, 2, 1), (run.Status, run.Resumed, run.Members, run.Matched, run.Corrected, run.Broken));
        Assert.Equal(
            [(members[1], "CORRECTED"), (members[4], "BROKEN"), (members[6], "CORRECTED")],
            run.Details.Select(detail => (detail.MemberId, detail.Status)));
        Assert.Equal(members[6], run.LastMemberId);
        Assert.Equal(
            [
                $"RECONCILIATION_STARTED admin reconciliation-run:{run.RunId}", $"MEMBER_RECONCILED admin member:{members[1]} {run.RunId}",
                $"MEMBER_RECONCILED admin member:{members[6]} {run.RunId}", $"RECONCILIATION_COMPLETED admin reconciliation-run:{run.RunId} {run.RunId}",
            ],
            await Books.TextsAsync(
                _database.ConnectionString,
                "SELECT concat_ws(' ', action, actor, target, CASE WHEN before IS NOT NULL THEN after->>'runId' END) FROM admin_audit ORDER BY id"));
        var again = await reconcilers.RunAsync("admin");
        Assert.Equal((7, 6, 0, 1), (again.Members, again.Matched, again.Corrected, again.Broken));
        Assert.Equal(again.RunId, (await reconcilers.All.FindLatestAsync(Token))!.RunId);
    }

    [Fact]
    public async Task Run_Interrupted_IsResumedAndCountsEachMemberOnce()
    {
        await GrantAsync(7);
        using var interrupt = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var chunks = 0;
        void Progressed()
        {
            if (++chunks == 2)
            {
                interrupt.Cancel();
            }
        }
        await using (var first = new Reconcilers(_database, _replica.Runner(_database), chunk: 2, Progressed))
        {
            await first.All.BeginAsync(new AuditOrigin("first"), Token);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.All.ContinueAsync(interrupt.Token));
            var progress = (await first.All.FindLatestAsync(Token))!;
            Assert.Equal(("RUNNING", 4, false), (progress.Status, progress.Members, progress.Resumed));
        }

        await using var second = new Reconcilers(_database, _replica.Runner(_database), chunk: 2);
        await second.All.ContinueAsync(Token);
        var run = (await second.All.FindLatestAsync(Token))!;

        Assert.Equal(("COMPLETED", true, 7, 7), (run.Status, run.Resumed, run.Members, run.Matched));
    }

    [Fact]
    public async Task Run_AnotherReplicaWorksOnIt_IsLeftToThatReplica()
    {
        await GrantAsync(7);
        await using var first = new Reconcilers(_database, _replica.Runner(_database), chunk: 2);
        await using var replica = await LockReplica.StartAsync(_store, []);
        await using var second = new Reconcilers(_database, replica.Runner(_database), chunk: 2);
        await first.All.BeginAsync(new AuditOrigin("first"), Token);
        var (between, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        var asked = 0;
        _store.AfterTryLock = async _ =>
        {
            // The first replica holds both of its keys, and starts only when it gets the answer for the second one.
            if (Interlocked.Increment(ref asked) == 2)
            {
                between.SetResult();
                await goOn.Task;
            }
        };
        var running = first.All.ContinueAsync(Token);
        await between.Task.WaitAsync(Token);

        await second.All.ContinueAsync(Token);
        Assert.Equal(("RUNNING", 0), Progress(await second.All.FindLatestAsync(Token)));
        goOn.SetResult();
        await running;

        var run = (await second.All.FindLatestAsync(Token))!;
        Assert.Equal((7, 7, false), (run.Members, run.Matched, run.Resumed));
    }

    [Theory]
    [InlineData(31, true)]
    [InlineData(5, false)]
    public async Task Run_RunnerSilentForLongerThanALease_IsTakenOver(int seconds, bool takenOver)
    {
        await GrantAsync(3);
        await using (var insert = _database.CreateCommand(
            $"""
            INSERT INTO reconciliation_runs (started_at, updated_at, started_by, runner, last_member_id, matched, corrected, broken, details)
            VALUES (now(), now() - interval '{seconds} seconds', 'dead', gen_random_uuid(), 0, 0, 0, 0, '[]')
            """))
        {
            await insert.ExecuteNonQueryAsync(Token);
        }

        await using var reconcilers = new Reconcilers(_database, _replica.Runner(_database), chunk: 2);
        await reconcilers.All.ContinueAsync(Token);
        var run = (await reconcilers.All.FindLatestAsync(Token))!;
        Assert.Equal(takenOver ? ("COMPLETED", true, 3L) : ("RUNNING", false, 0L), (run.Status, run.Resumed, run.Members));
    }

    [Fact]
    public async Task Begin_ManyAtOnce_StartsOneAndReturnsItsIdToTheOthers()
    {
        async Task<(RunReport? Run, long Unfinished)> BeginAsync()
        {
            await using var reconcilers = new Reconcilers(_database, _replica.Runner(_database));
            return await reconcilers.All.BeginAsync(new AuditOrigin("admin"), Token);
        }

        var begun = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => BeginAsync()));

        var run = Assert.Single(begun, answer => answer.Run is not null).Run!;
        Assert.All(begun, answer => Assert.Equal(answer.Run is null ? run.RunId : 0, answer.Unfinished));
    }

    // The function simulates a member whose books take too long: every query over that member calls it.
    [Fact]
    public async Task Run_OneMemberExceedsTheTimeout_ListsItAndCompletesTheOthers()
    {
        var members = await GrantAsync(9);
        await _database.ExecuteAsOwnerAsync(
            $"""
            CREATE FUNCTION slow(bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS
            $$ BEGIN IF $1 = {members[3]} THEN PERFORM pg_sleep(60); END IF; RETURN 100; END $$;
            ALTER TABLE usage_cancellations RENAME TO cancellations_kept;
            CREATE VIEW usage_cancellations AS
            SELECT w.member_id, 1::bigint AS first_sequence, 1::bigint AS last_sequence,
                ''::text AS point_key, 0::bigint AS usage_id, slow(w.member_id) AS amount
            FROM member_wallets AS w;
            GRANT SELECT ON usage_cancellations TO points_api
            """);
        await using var reconcilers = new Reconcilers(_database, _replica.Runner(_database), options: new ReconciliationOptions
        {
            ChunkSize = 8,
            ChunkTimeout = TimeSpan.FromMilliseconds(500),
            MemberTimeout = TimeSpan.FromMilliseconds(500),
        });

        var run = await reconcilers.RunAsync("admin");

        Assert.Equal(("COMPLETED", 9, 8, 1), (run.Status, run.Members, run.Matched, run.Failed));
        Assert.Equal((members[3], "FAILED"), (Assert.Single(run.Details).MemberId, run.Details[0].Status));
    }

    private static (string Status, long Members) Progress(RunReport? run) => (run!.Status, run.Members);

    private async Task<long[]> GrantAsync(int members)
    {
        var client = new LedgerClient(_database, 1);
        var ids = Enumerable.Range(0, members).Select(_ => PointsClient.NewMember()).Order().ToArray();
        foreach (var id in ids)
        {
            Assert.Null((await client.AccumulateAsync(id, 100)).Error);
        }

        return ids;
    }
}
