using PointSystem.Domain.Policies;
using PointSystem.Tests.Domain;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>
/// Checks whether a history is linearizable: whether every operation can have taken effect at one moment between its begin and its end, in the
/// order of the members' ledgers, each with the answer that <see cref="ReferenceModel"/> gives for the same operations one after the other.
/// </summary>
/// <remarks>
/// The ledgers give the order of each member's accepted operations, so no search is needed: valid moments exist if and only if the earliest
/// possible ones are valid, where each is the later of the operation's begin and the moments of its predecessors. (A transfer is in two ledgers; a
/// cycle is detected.) A refusal leaves no entry. It must be correct in some state that its members can have had during the operation.
/// </remarks>
internal sealed class Checker
{
    private const int ProblemsMax = 20;

    private readonly History _history;
    private readonly SequentialModel _model;
    private readonly List<string> _problems = [];
    private readonly Dictionary<(int Member, string Name), Node> _byEntry = [];
    private readonly List<RefusedOperation> _refused = [];

    private Checker(History history, PointPolicy policy)
    {
        _history = history;
        _model = new SequentialModel(policy);
    }

    /// <summary>The problems of the history; empty if it is linearizable.</summary>
    public static IReadOnlyList<string> FindProblems(History history, PointPolicy policy)
    {
        var checker = new Checker(history, policy);
        checker.Run();
        return checker._problems;
    }

    private void Run()
    {
        Register();
        var order = ChooseMoments();
        if (_problems.Count > 0)
        {
            // A replay is impossible: the ledgers and the callers disagree about the operations or about their order.
            return;
        }
        Limit(order);
        _refused.ForEach(Place);
        Replay(order);
        foreach (var refused in _refused.Where(refused => !refused.IsExplained))
        {
            Report($"refused for no reason that held at any moment of the operation: {refused.Operation}");
        }
    }

    private void Report(string problem)
    {
        if (_problems.Count < ProblemsMax)
        {
            _problems.Add(problem);
        }
    }

    /// <summary>Merges the requests with the same idempotency key, and matches the callers' answers with the ledgers.</summary>
    private void Register()
    {
        var alone = _history.Operations.Where(operation => operation.IdempotencyKey is null);
        foreach (var operation in alone.Concat(_history.Operations.Where(o => o.IdempotencyKey is not null).GroupBy(o => o.IdempotencyKey).Select(Merge)))
        {
            if (operation.Refusal is not null)
            {
                _refused.Add(new RefusedOperation(operation));
                continue;
            }
            var node = new Node(operation);
            foreach (var entry in operation.Entries)
            {
                if (!_byEntry.TryAdd(entry, node))
                {
                    Report($"answered twice, but not as a replay: {operation}");
                }
            }
        }
        foreach (var (member, ledger) in _history.Ledgers)
        {
            Node? last = null;
            foreach (var group in ledger)
            {
                if (!_byEntry.TryGetValue((member, group.Name), out var node))
                {
                    Report($"in the ledger of {member}, but answered to no caller: {group.Name}");
                    continue;
                }
                if (node.Groups.ContainsKey(member))
                {
                    Report($"twice in the ledger of {member}: {group.Name}");
                    continue;
                }
                node.Groups.Add(member, group);
                node.Follow(last, member);
                last = node;
            }
        }
        foreach (var ((member, name), node) in _byEntry.Where(entry => !entry.Value.Groups.ContainsKey(entry.Key.Member)))
        {
            Report($"answered, but not in the ledger of {member}: {name}, {node.Operation}");
        }
    }

    // All of them got the answer, so the effect was there before the first of them ended.
    private Operation Merge(IGrouping<string?, Operation> same)
    {
        var first = same.First();
        if (same.Any(other => other.Answer != first.Answer || other.Refusal != first.Refusal))
        {
            Report($"different answers to one idempotency key: {string.Join(" / ", same)}");
        }
        return first with { BeganAt = same.Min(other => other.BeganAt), EndedAt = same.Min(other => other.EndedAt) };
    }

    /// <summary>Computes the earliest moment of each accepted operation, in an order that agrees with all ledgers.</summary>
    private List<Node> ChooseMoments()
    {
        var nodes = _byEntry.Values.Distinct().ToList();
        var ready = new PriorityQueue<Node, long>(nodes.Where(node => node.Open == 0).Select(node => (node, node.Earliest)));
        var order = new List<Node>(nodes.Count);
        while (ready.TryDequeue(out var node, out _))
        {
            order.Add(node);
            if (node.Earliest > node.Operation.EndedAt)
            {
                Report($"in the ledger after an operation that began only after it had ended: {node.Operation}");
            }
            foreach (var next in node.Next.Values)
            {
                next.Earliest = Math.Max(next.Earliest, node.Earliest);
                if (--next.Open == 0)
                {
                    ready.Enqueue(next, next.Earliest);
                }
            }
        }
        if (order.Count < nodes.Count)
        {
            Report($"the ledgers contradict each other's order, for example: {nodes.First(node => node.Open > 0).Operation}");
        }
        return order;
    }

    /// <summary>Computes the latest moment of each operation.</summary>
    private static void Limit(List<Node> order)
    {
        for (var i = order.Count - 1; i >= 0; i--)
        {
            foreach (var next in order[i].Next.Values)
            {
                order[i].Latest = Math.Min(order[i].Latest, next.Latest);
            }
        }
    }

    /// <summary>Finds the states in which a refused operation can have been decided.</summary>
    private void Place(RefusedOperation refused)
    {
        foreach (var (member, _) in refused.Conditions)
        {
            var chain = Chain(member);
            for (var slot = chain.FindLastIndex(node => node.Latest < refused.Operation.BeganAt) + 1; slot <= chain.Count; slot++)
            {
                // Slot n is the state after n operations, from the earliest moment of the last of them to the latest moment of the next.
                var from = slot == 0 ? long.MinValue : chain[slot - 1].Earliest;
                if (from > refused.Operation.EndedAt)
                {
                    break;
                }
                _model.Watch(member, slot, refused, new Window(from, slot == chain.Count ? long.MaxValue : chain[slot].Latest));
            }
        }
    }

    private readonly Dictionary<int, List<Node>> _chains = [];

    private List<Node> Chain(int member)
    {
        if (!_chains.TryGetValue(member, out var chain))
        {
            _chains[member] = chain = [.. _history.Ledgers.GetValueOrDefault(member, []).Select(group => _byEntry[(member, group.Name)])];
        }
        return chain;
    }

    private void Replay(List<Node> order)
    {
        _model.Begin();
        foreach (var node in order)
        {
            if (_model.Apply(node.Operation) is { } problem)
            {
                Report($"{problem}: {node.Operation}");
            }
            foreach (var (member, group) in node.Groups)
            {
                if (_model.Live(member) != group.BalanceAfter)
                {
                    Report($"the ledger of {member} has {group.BalanceAfter} points, should be {_model.Live(member)}, after {node.Operation}");
                }
            }
        }
    }

    /// <summary>An accepted operation, and its successors in the ledgers.</summary>
    private sealed class Node(Operation operation)
    {
        public Operation Operation { get; } = operation;

        public Dictionary<int, LedgerGroup> Groups { get; } = [];

        public Dictionary<int, Node> Next { get; } = [];

        public int Open { get; set; }

        public long Earliest { get; set; } = operation.BeganAt;

        public long Latest { get; set; } = operation.EndedAt;

        public void Follow(Node? last, int member)
        {
            if (last is not null)
            {
                last.Next.Add(member, this);
                Open++;
            }
        }
    }
}
