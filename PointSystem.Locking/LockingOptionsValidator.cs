using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using PointSystem.Locking.Keys;

namespace PointSystem.Locking;

/// <summary>
/// Checks at start what data annotations cannot express: relations between settings, and the templates of every registered command.
/// </summary>
internal sealed class LockingOptionsValidator(IEnumerable<LockedCommandType> commandTypes, IConfiguration configuration) : IValidateOptions<LockingOptions>
{
    public ValidateOptionsResult Validate(string? name, LockingOptions options)
    {
        var problems = new List<string>();
        // Data annotations do not validate nested objects.
        var ofBreaker = new List<ValidationResult>();
        Validator.TryValidateObject(options.Breaker, new ValidationContext(options.Breaker), ofBreaker, validateAllProperties: true);
        problems.AddRange(ofBreaker.Select(problem => $"Locking:Breaker: {problem.ErrorMessage}"));
        var ofCombining = new List<ValidationResult>();
        Validator.TryValidateObject(options.Combining, new ValidationContext(options.Combining), ofCombining, validateAllProperties: true);
        problems.AddRange(ofCombining.Select(problem => $"Locking:Combining: {problem.ErrorMessage}"));
        if (options.PollMin > options.PollMax)
        {
            problems.Add($"Locking:PollMin ({options.PollMin}) must not exceed Locking:PollMax ({options.PollMax}).");
        }
        if (options.WarmUpTimeout < options.AttemptTimeout)
        {
            problems.Add($"Locking:WarmUpTimeout ({options.WarmUpTimeout}) must not be shorter than Locking:AttemptTimeout ({options.AttemptTimeout}).");
        }
        try
        {
            _ = new CommandLockTable(commandTypes, new OperationSettings(configuration), options);
        }
        catch (Exception problem) when (problem is LockTemplateException or InvalidOperationException)
        {
            problems.Add(problem.Message);
        }
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }
}
