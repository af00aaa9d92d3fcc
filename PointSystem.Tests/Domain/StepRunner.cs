namespace PointSystem.Tests.Domain;

/// <summary>Runs random steps on a <see cref="PointsHarness"/>.</summary>
internal sealed class StepRunner
{
    private StepRunner(PointsHarness harness) => Harness = harness;

    public PointsHarness Harness { get; }

    public MemoryTables Tables => Harness.Tables;

    /// <summary>The state after these steps, which run without checks.</summary>
    public static StepRunner After(IEnumerable<Step> steps)
    {
        var runner = new StepRunner(new PointsHarness { Policy = Step.FirstPolicy, Checks = false });
        foreach (var step in steps)
        {
            runner.Run(step);
        }

        runner.Harness.Checks = true;
        return runner;
    }

    /// <summary>An independent copy of the state.</summary>
    public StepRunner Copy() => new(new PointsHarness(Tables.Copy()) { Policy = Harness.Policy, Now = Harness.Now });

    /// <summary>Runs one step in its own transaction. Returns the code of its refusal, or null.</summary>
    public string? Run(Step step)
    {
        switch (step.Kind)
        {
            case StepKind.Wait:
                // At most three days at once, and some hours, so that not only the date changes.
                Harness.Now = Harness.Now.AddDays(step.Amount % 4).AddHours(step.Days % 3);
                return null;
            case StepKind.Configure:
                Harness.Policy = step.Policy;
                Assert.Null(Harness.Policy.FindViolation());
                return null;
            default:
                return RunAll([step], Load([step], part: false))[0];
        }
    }

    /// <summary>Runs several commands on the same accounts in one transaction.</summary>
    public string?[] RunAll(Step[] steps, IReadOnlyDictionary<long, LoadedAccount> accounts)
    {
        var targets = Array.ConvertAll(steps, step => step.TargetIn(Tables));
        var codes = new string?[steps.Length];
        for (var i = 0; i < steps.Length; i++)
        {
            var before = Harness.Checks ? accounts.Values.Select(State).ToList() : [];
            codes[i] = steps[i].Apply(member => accounts[member].Account, targets[i], Harness.Context);
            if (Harness.Checks && codes[i] is not null)
            {
                Assert.Equal(before, accounts.Values.Select(State));
            }
        }

        Harness.Finish(error: null, [.. accounts.Values]);
        return codes;
    }

    public IReadOnlyDictionary<long, LoadedAccount> Load(Step[] steps, bool part)
    {
        var accounts = new SortedDictionary<long, LoadedAccount>();
        foreach (var member in steps.SelectMany(step => step.MembersOf()).Distinct())
        {
            var own = Array.FindAll(steps, step => step.Member == member);
            var targets = own.Select(step => step.TargetIn(Tables)).Where(key => key != default);
            accounts.Add(member, part ? Tables.LoadPart(member, Harness.At, own.Sum(step => step.Drawn), targets) : Tables.Load(member, Harness.At));
        }

        return accounts;
    }

    /// <summary>The observable state of an account, as text.</summary>
    public static string State(LoadedAccount loaded)
    {
        var account = loaded.Account;
        var changes = account.Changes;
        return string.Join(
            '\n',
            [
                account.Wallet, account.LiveBalance, account.LiveManualBalance,
                .. loaded.Lots.Concat(changes.NewLots).Select(LotRow.Of).Cast<object>(),
                .. loaded.Usages.Concat(changes.NewUsages).Select(UsageRow.Of),
                .. loaded.Usages.Concat(changes.NewUsages).SelectMany(usage => usage.Details.Select(detail => DetailRow.Of(usage, detail))),
                .. changes.Entries,
                changes.ChangedLots.Count, changes.ChangedUsages.Count, changes.ChangedDetails.Count,
                changes.Cancellations.Count, changes.Transfers.Count,
            ]);
    }
}
