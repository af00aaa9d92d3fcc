using PointSystem.Domain.Policies;
using PointSystem.Tests.Domain;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>Applies operations one after the other to <see cref="ReferenceModel"/>, with lots and usages identified by their keys.</summary>
internal sealed class SequentialModel(PointPolicy policy)
{
    private readonly ReferenceModel _points = new() { Policy = policy, Today = DateOnly.MinValue };
    private readonly Dictionary<int, List<string>> _lots = [];
    private readonly Dictionary<string, (int Member, int Number)> _numbers = new(StringComparer.Ordinal);
    private readonly Dictionary<int, int> _slots = [];
    private readonly Dictionary<(int Member, int Slot), List<(RefusedOperation Refused, Window Window)>> _watched = [];

    public PointPolicy Policy { get; } = policy;

    public int Live(int member) => _points.Live(member);

    /// <summary>The points of a usage that are not cancelled; -1 if the usage does not exist yet.</summary>
    public int LeftOf(string usage) => _numbers.TryGetValue(usage, out var at) ? Drawn(at).Count(point => !point.Back) : -1;

    public bool IsCancelled(string lot) => _numbers.TryGetValue(lot, out var at) && Lot(at).Cancelled;

    public bool IsInUse(string lot) => _numbers.TryGetValue(lot, out var at) && Lot(at) is { Cancelled: false } known && known.Free < known.Amount;

    /// <summary>Registers the refused operation for evaluation when the member reaches that state.</summary>
    public void Watch(int member, int slot, RefusedOperation refused, Window window)
    {
        if (!_watched.TryGetValue((member, slot), out var watchers))
        {
            _watched[(member, slot)] = watchers = [];
        }
        watchers.Add((refused, window));
    }

    /// <summary>Evaluates the refused operations that are registered for the empty initial state.</summary>
    public void Begin()
    {
        foreach (var (member, _) in _watched.Keys.Where(watched => watched.Slot == 0).ToList())
        {
            Evaluate(member, 0);
        }
    }

    /// <summary>Applies an accepted operation. Returns how its answer differs from the model, or null.</summary>
    public string? Apply(Operation operation)
    {
        var problem = ApplyAlone(operation);
        foreach (var (member, _) in operation.Entries)
        {
            _slots[member] = _slots.GetValueOrDefault(member) + 1;
            Evaluate(member, _slots[member]);
        }
        return problem;
    }

    private string? ApplyAlone(Operation operation)
    {
        var step = operation.Step;
        (int Member, int Number) target = default;
        if (operation.Target is { } name && !_numbers.TryGetValue(name, out target))
        {
            return "its target does not exist";
        }
        var before = step.Kind switch
        {
            StepKind.Transfer => _points.Lots(step.Member).Select(lot => lot.Free).ToArray(),
            StepKind.CancelUsage => [.. Drawn(target).Select(point => point.Back ? 1 : 0)],
            _ => [],
        };
        if (_points.Run(step with { Pick = target.Number }) is { } refusal)
        {
            return $"accepted, should be refused as {refusal}";
        }
        var (parts, after) = step.Kind switch
        {
            StepKind.Accumulate => Made(operation, [operation.PointKey!]),
            StepKind.Use => Used(operation),
            StepKind.CancelUsage => CameBack(target, before),
            StepKind.Transfer => Given(operation, before),
            _ => ([], 0),
        };
        return parts.SequenceEqual(operation.Parts) && after == operation.After
            ? null
            : $"should come to {after} and [{string.Join(", ", parts)}], was answered {operation.After} and [{string.Join(", ", operation.Parts)}]";
    }

    private (List<Part> Parts, long After) Made(Operation operation, IReadOnlyList<string> lots, int? of = null)
    {
        var member = of ?? operation.Step.Member;
        var known = _lots.TryGetValue(member, out var have) ? have : _lots[member] = [];
        foreach (var lot in lots)
        {
            _numbers[lot] = (member, known.Count);
            known.Add(lot);
        }
        return ([], operation.Step.Amount);
    }

    private (List<Part> Parts, long After) Used(Operation operation)
    {
        var number = _points.Usages(operation.Step.Member).Count() - 1;
        _numbers[operation.PointKey!] = (operation.Step.Member, number);
        return (PartsOf(operation.Step.Member, Drawn((operation.Step.Member, number)).Select(point => point.Lot)), 0);
    }

    private (List<Part> Parts, long After) CameBack((int Member, int Number) usage, int[] before)
    {
        var drawn = Drawn(usage);
        return (PartsOf(usage.Member, drawn.Where((point, i) => point.Back && before[i] == 0).Select(point => point.Lot)), drawn.Count(point => point.Back));
    }

    private (List<Part> Parts, long After) Given(Operation operation, int[] before)
    {
        Made(operation, operation.NewLots, operation.Step.Other);
        var (from, to) = (operation.Step.Member, operation.Step.Other);
        var free = _points.Lots(from).Select(lot => lot.Free).ToArray();
        var given = before.Select((had, lot) => (Lot: lot, Amount: had - free[lot])).Where(part => part.Amount > 0)
            .ToDictionary(part => part.Lot, part => part.Amount);

        // Points are drawn in the order of the receiver's new lots, which the model knows by amount.
        bool IsGiven(Part part) =>
            _numbers.TryGetValue(part.Lot, out var at) && at.Member == from && given.GetValueOrDefault(at.Number) == part.Amount;
        var parts = operation.Parts.Where(IsGiven).ToList();
        var made = _points.Lots(to).Skip(_lots[to].Count - operation.NewLots.Count).Select(lot => (long)lot.Amount);
        return parts.Count == given.Count && made.SequenceEqual(parts.Select(part => part.Amount))
            ? (parts, 0)
            : ([.. given.Select(part => new Part(_lots[from][part.Key], part.Value))], -1);
    }

    private List<Part> PartsOf(int member, IEnumerable<int> lots)
    {
        var parts = new List<Part>();
        foreach (var lot in lots)
        {
            var key = _lots[member][lot];
            if (parts.Count > 0 && parts[^1].Lot == key)
            {
                parts[^1] = new Part(key, parts[^1].Amount + 1);
            }
            else
            {
                parts.Add(new Part(key, 1));
            }
        }
        return parts;
    }

    private (int Lot, bool Back)[] Drawn((int Member, int Number) usage) => _points.Usages(usage.Member).ElementAt(usage.Number);

    private (int Amount, DateOnly Until, bool Manual, bool Cancelled, int Free) Lot((int Member, int Number) lot) =>
        _points.Lots(lot.Member).ElementAt(lot.Number);

    private void Evaluate(int member, int slot)
    {
        if (_watched.TryGetValue((member, slot), out var watchers))
        {
            foreach (var (refused, window) in watchers)
            {
                refused.Evaluate(member, this, window);
            }
        }
    }
}
