using CsCheck;
using PointSystem.Domain.Points;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

/// <summary>Properties of any sequence of commands. <see cref="MemoryTables.AssertBalanced"/> checks the invariants after every command.</summary>
public sealed class SequenceProperties
{
    private static readonly Gen<Step[]> Steps = Step.Any.Array[0, 40];

    // All on one member, which gives more lots and commands that affect each other.
    private static readonly Gen<Step[]> OwnSteps = Step.Any.Select(step => step with { Member = 1 }).Array[0, 40];
    private static readonly Gen<Step[]> OwnCommands = Step.Command.Select(step => step with { Member = 1 }).Array[2, 8];

    [Fact]
    public void Commands_AnySequence_KeepTheInvariantsAndRefusalsChangeNothing() => Steps.Sample(
        steps =>
        {
            var runner = StepRunner.After([]);
            Array.ForEach(steps, step => runner.Run(step));
        },
        iter: 400);

    [Fact]
    public void Commands_GeneratedSequences_ReachEveryOutcomeAndKindOfEntry()
    {
        // Guards the properties themselves: a generator that misses cases proves nothing. The seed is fixed because every case must occur.
        var codes = new HashSet<string>();
        var kinds = new HashSet<PointKind>();
        foreach (var steps in Steps.Array[400].Single(_ => true, "3ztcJWMUf5O1"))
        {
            var runner = StepRunner.After([]);
            runner.Harness.Checks = false;
            codes.UnionWith(steps.Select(step => runner.Run(step) ?? "OK"));
            kinds.UnionWith(Enumerable.Range(1, Step.Members).SelectMany(member => runner.Tables.EntriesOf(member)).Select(entry => entry.Kind));
        }

        Assert.Equal(Enum.GetValues<PointKind>(), kinds.Order());
        string[] expected =
        [
            "OK", PointErrorCodes.InvalidRequest, PointErrorCodes.InvalidAmount, PointErrorCodes.AccumulationNotFound, PointErrorCodes.UsageNotFound,
            PointErrorCodes.AlreadyCancelled, PointErrorCodes.CannotCancelAccumulation, PointErrorCodes.InsufficientPoint,
            PointErrorCodes.ExceededMaxAccumulation, PointErrorCodes.ExceededMaxBalance, PointErrorCodes.InvalidExpirationDate,
            PointErrorCodes.ExceededCancelAmount,
        ];
        Assert.Empty(expected.Except(codes));
    }

    [Fact]
    public void Commands_SeveralInOneTransaction_HaveTheSameResultAsOneByOne() => Gen.Select(OwnSteps, OwnCommands).Sample(
        (steps, commands) =>
        {
            var together = StepRunner.After(steps);
            var apart = together.Copy();

            // The targets are looked up before the first step, so that no step refers to what an earlier one creates.
            var targets = Array.ConvertAll(commands, command => command.TargetIn(together.Tables));
            var codes = together.RunAll(commands, together.Load(commands, part: false));
            for (var i = 0; i < commands.Length; i++)
            {
                var accounts = apart.Load([commands[i]], part: false);
                Assert.Equal(codes[i], commands[i].Apply(member => accounts[member].Account, targets[i], apart.Harness.Context));
                apart.Harness.Finish(error: null, [.. accounts.Values]);
            }

            Assert.Equal(apart.Tables.Dump(), together.Tables.Dump());
        },
        iter: 400);

    [Fact]
    public void Command_PartlyLoadedAccount_HasTheSameResultAsFullyLoaded() => Gen.Select(Steps, Step.Command).Sample(
        (steps, command) =>
        {
            var whole = StepRunner.After(steps);
            var part = whole.Copy();
            Assert.Equal(whole.RunAll([command], whole.Load([command], part: false)), part.RunAll([command], part.Load([command], part: true)));
            Assert.Equal(whole.Tables.Dump(), part.Tables.Dump());
        },
        iter: 600);

    [Fact]
    public void Commands_PartlyLoadedAccount_HaveTheSameResultOrNeedMoreLots() => Gen.Select(OwnSteps, OwnCommands).Sample(
        (steps, commands) =>
        {
            var whole = StepRunner.After(steps);
            var part = whole.Copy();
            var codes = whole.RunAll(commands, whole.Load(commands, part: false));
            try
            {
                Assert.Equal(codes, part.RunAll(commands, part.Load(commands, part: true)));
            }
            catch (LotsNotLoadedException)
            {
                return;
            }

            Assert.Equal(whole.Tables.Dump(), part.Tables.Dump());
        },
        iter: 2000);

    [Fact]
    public void Use_TooFewLotsLoaded_ThrowsAndChangesNothing() => Steps.Sample(
        steps =>
        {
            var runner = StepRunner.After(steps);
            for (var member = 1; member <= Step.Members; member++)
            {
                var live = runner.Harness.Live(member);
                for (var drawn = 0; drawn < live; drawn++)
                {
                    var loaded = runner.Tables.LoadPart(member, runner.Harness.At, drawn, named: []);
                    var held = loaded.Lots.Where(lot => lot.IsLiveOn(runner.Harness.Today)).Sum(lot => lot.Available);
                    Assert.InRange(held, drawn, live);
                    if (held < live)
                    {
                        Assert.Throws<LotsNotLoadedException>(() => loaded.Account.Use("A1", held + 1, runner.Harness.Context));
                        loaded.AssertUntouched(runner.Tables);
                    }
                }
            }
        },
        iter: 200);

    [Fact]
    public void CancelUsage_Completely_RestoresExactlyWhatWasDrawn() => Gen.Select(Steps, Gen.Int[1, 60], Gen.Int[1, 20].Array[0, 5]).Sample(
        (steps, amount, parts) =>
        {
            var runner = StepRunner.After(steps);
            runner.Harness.PostLapses(1);
            var before = Holdings(runner, 1);
            var live = runner.Harness.Live(1);
            var use = runner.Harness.Use(1, amount);
            Assert.Equal(amount > live, use.Error is not null);
            if (use.Error is not null)
            {
                return;
            }

            // First in parts, which are refused once they exceed the remainder, then the rest.
            Assert.Equal(live - amount, runner.Harness.Live(1));
            foreach (var part in parts)
            {
                runner.Harness.CancelUsage(1, use.Value.Key, part);
            }

            runner.Harness.CancelUsage(1, use.Value.Key);
            Assert.Equal(before, Holdings(runner, 1));
            Assert.Equal(live, runner.Harness.Live(1));
            Assert.Equal(PointErrorCodes.AlreadyCancelled, runner.Harness.CancelUsage(1, use.Value.Key).Error?.Code);
        },
        iter: 300);

    [Fact]
    public void CancelUsage_AfterAnyTime_ReturnsTheAmountInLivePoints() => Gen.Select(Steps, Gen.Int[0, 12]).Sample(
        (steps, days) =>
        {
            var runner = StepRunner.After(steps);
            runner.Harness.Wait(days);
            foreach (var usage in runner.Tables.UsagesOf(1).Where(usage => usage.CancelledAmount < usage.TotalAmount))
            {
                var live = runner.Harness.Live(1);
                var left = usage.TotalAmount - usage.CancelledAmount;
                var cancellation = runner.Harness.CancelUsage(1, usage.Key).Value;
                Assert.Equal(left, cancellation.Amount);
                Assert.Equal(left, cancellation.Restored.Sum(part => part.Amount) + cancellation.Regranted.Sum(part => part.Lot.Amount));
                Assert.Equal(live + left, runner.Harness.Live(1));
            }
        },
        iter: 300);

    [Fact]
    public void TransferTo_AnyAmounts_ConservesThePointsOfAllMembers() => Gen.Select(Steps, Step.Command.Array[1, 10]).Sample(
        (steps, transfers) =>
        {
            var runner = StepRunner.After(steps);
            var total = Total(runner, manualOnly: false);
            var manual = Total(runner, manualOnly: true);
            foreach (var transfer in transfers)
            {
                runner.Run(transfer with { Kind = StepKind.Transfer });
                Assert.Equal((total, manual), (Total(runner, manualOnly: false), Total(runner, manualOnly: true)));
            }
        },
        iter: 300);

    private static List<LotRow> Holdings(StepRunner runner, long member) =>
        [.. runner.Tables.LotsOf(member).Select(lot => lot with { UpdatedAt = default })];

    private static long Total(StepRunner runner, bool manualOnly) => Enumerable.Range(1, Step.Members)
        .Select(member => runner.Tables.Load(member, runner.Harness.At).Account)
        .Sum(account => manualOnly ? account.LiveManualBalance : account.LiveBalance);
}
